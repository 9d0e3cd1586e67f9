package errdef

import "errors"

// A noted error carries a fact for the code that handles it. Its text is that of the error it
// wraps.
type noted[Note any] struct {
	error
	note Note
}

func (n *noted[Note]) Unwrap() error { return n.error }

// WithNote attaches a fact to err. Callers find it with [NoteOf]; it does not show in the error's
// text.
func WithNote[Note any](err error, note Note) error { return &noted[Note]{err, note} }

// NoteOf returns the first note of the given type in err's tree.
func NoteOf[Note any](err error) (note Note, ok bool) {
	var n *noted[Note]
	if errors.As(err, &n) {
		return n.note, true
	}
	return note, false
}
