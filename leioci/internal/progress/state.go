package progress

import v1 "github.com/google/go-containerregistry/pkg/v1"

// A Phase is what is being done with a blob, or was done last.
type Phase int

// The phases. The zero value is none of them: nothing has been done yet.
const (
	Hashing   Phase = iota + 1 // its digest is computed, before it is sent or while it is
	Fetching                   // it comes from a registry or an image
	Uploading                  // it is sent
	Verifying                  // a file that is there is read, and compared with what it should be
	Indexing                   // the index of its reports is made
	Reused                     // it was where it is needed already
	Done                       // it has come, or was sent
)

// String returns the phase in one word.
func (p Phase) String() string {
	words := [...]string{"waiting", "hashing", "fetching", "uploading", "verifying", "indexing", "reused", "done"}
	if p < 0 || int(p) >= len(words) {
		return "unknown"
	}
	return words[p]
}

// Final reports whether nothing remains to be done.
func (p Phase) Final() bool { return p == Reused || p == Done }

// A State is what is known of a blob at some moment.
type State struct {
	Blob    int // its number among those of the call, from 1
	Name    string
	Digest  v1.Hash // zero if it is not known yet
	Phase   Phase
	Place   string // where it comes from, or goes to
	Done    int64  // bytes
	Resumed int64  // those of Done that were there before
	Total   int64
}
