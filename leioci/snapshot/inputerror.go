package snapshot

import "fmt"

// An InputError is a failure at one report of an input of [Writer.AddFrom].
type InputError struct {
	// Report is the number of the report that was being read. The first of the input is 1.
	Report int64
	// Offset is how many bytes of the input had been read, after decompressing: the place of the
	// failure or, if the report as a whole is refused, the report's end.
	Offset int64
	// Err says what is wrong. It is never nil in an error of this package.
	Err error
}

// Error names the report, its place, and what is wrong with it.
func (e *InputError) Error() string {
	return fmt.Sprintf("report %d, at byte %d: %v", e.Report, e.Offset, e.Err)
}

// Unwrap returns e.Err.
func (e *InputError) Unwrap() error { return e.Err }
