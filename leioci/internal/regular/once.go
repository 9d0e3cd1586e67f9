package regular

import (
	"context"
	"io/fs"
	"os"
)

// A Once lets what is in an open file be verified once, and again when the file has changed, however
// many want that.
type Once struct {
	turn chan struct{} // holds one element while somebody verifies
	when fs.FileInfo   // before that was done last; nil if never
}

// NewOnce returns a Once for what nobody has verified.
func NewOnce() *Once { return &Once{turn: make(chan struct{}, 1)} }

// Do calls verify, unless that was right and the file has not changed since, and returns what the file
// was before. Others wait meanwhile, no longer than until ctx ends.
func (o *Once) Do(ctx context.Context, f *os.File, verify func(now fs.FileInfo) error) (fs.FileInfo, error) {
	select {
	case o.turn <- struct{}{}:
		defer func() { <-o.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	now, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if o.when != nil && Unchanged(o.when, now) {
		return now, nil
	}
	if err := verify(now); err != nil {
		return nil, err
	}
	o.when = now
	return now, nil
}
