package snapshot

import (
	"errors"
	"fmt"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// The kinds of failure that a caller may want to tell apart with errors.Is.
var (
	// ErrNotSnapshot: a directory lacks one of the two files, one of them is not a regular file,
	// or manifest.json is not in LEI's format.
	ErrNotSnapshot = errdef.ErrNotSnapshot
	// ErrTooLarge: manifest.json exceeds [MaxManifestBytes], a line [MaxLineBytes], or a snapshot
	// what an index has room for.
	ErrTooLarge = errdef.ErrTooLarge
	// ErrMismatch: the entry count, a size or the content hash differs from manifest.json.
	ErrMismatch = errors.New("content differs from manifest.json")
	// ErrMalformed: a line is not a JSON report, or gives a member that [Report] has twice, of which
	// readers of JSON may take either.
	ErrMalformed = errors.New("not a JSON report")
	// ErrChanged: a file was written to after the snapshot was opened.
	ErrChanged = errors.New("changed after the snapshot was opened")
	// ErrCorrupt: the gzip stream is damaged, ends early, or is followed by other data.
	ErrCorrupt = errors.New("damaged gzip stream")
	// ErrUnknown: a snapshot has no report on a repository.
	ErrUnknown = errors.New("no report on the repository")
	// ErrNotIndexed: a snapshot is in order, but its index cannot be made, or there is none where one
	// is needed.
	ErrNotIndexed = errors.New("no index could be made")
)

// A LineError is a failure at one line of cache.jsonl.gz.
type LineError struct {
	// Line is the number of the line that was being read. The first is 1.
	Line int64
	// Err says what is wrong. It is never nil in an error of this package.
	Err error
}

// Error names the line and what is wrong with it.
func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap returns e.Err.
func (e *LineError) Unwrap() error { return e.Err }

// mismatchError is an ErrMismatch that says what differs. It omits the text of ErrMismatch, which
// would add nothing.
type mismatchError struct {
	what        string
	says, found any
}

func (e *mismatchError) Error() string {
	return fmt.Sprintf("%s: manifest.json says %v, found %v", e.what, e.says, e.found)
}

func (e *mismatchError) Unwrap() error { return ErrMismatch }
