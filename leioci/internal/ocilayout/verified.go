package ocilayout

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/regular"
	"github.com/lowendinsight/lei-go/leioci/internal/verify"
)

// mostVerified is how many files are remembered. How many there are is up to others.
const mostVerified = 10_000

// verified remembers which files were read and found intact. Its zero value remembers none.
type verified struct {
	mu    sync.Mutex
	files map[v1.Hash]fs.FileInfo
	turns map[v1.Hash]chan struct{} // closed when the one who reads a file has read it
}

// check returns an error unless an open file has the content with a digest. Of several who check a
// file at once, one reads it. It leaves the file at its beginning.
func (v *verified) check(ctx context.Context, f *os.File, info fs.FileInfo, digest v1.Hash) error {
	for {
		known, wait, done := v.begin(digest, info)
		if known {
			return nil
		}
		if done != nil {
			defer done()
			break
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if err := verify.All(ctx, io.NewSectionReader(f, 0, info.Size()+1), digest, info.Size()); err != nil {
		return err
	}
	now, err := f.Stat()
	if err != nil {
		return err
	}
	if !regular.Unchanged(info, now) {
		return fmt.Errorf("%w: %s changed while it was read", errdef.ErrVerification, digest)
	}
	v.add(digest, info)
	return nil
}

// begin reports whether a file is known to be intact. If not, it returns either a channel that is
// closed once another goroutine has read the file, or else a function to call when the caller has.
func (v *verified) begin(digest v1.Hash, info fs.FileInfo) (known bool, wait <-chan struct{}, done func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if then := v.files[digest]; then != nil && regular.Unchanged(then, info) {
		return true, nil, nil
	}
	if turn := v.turns[digest]; turn != nil {
		return false, turn, nil
	}
	turn := make(chan struct{})
	if v.turns == nil {
		v.turns = map[v1.Hash]chan struct{}{}
	}
	v.turns[digest] = turn
	return false, nil, func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		delete(v.turns, digest)
		close(turn)
	}
}

// add notes that a file is intact.
func (v *verified) add(digest v1.Hash, info fs.FileInfo) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.files == nil || len(v.files) >= mostVerified {
		v.files = map[v1.Hash]fs.FileInfo{}
	}
	v.files[digest] = info
}
