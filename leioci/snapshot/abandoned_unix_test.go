//go:build linux || darwin

package snapshot_test

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// A process may be killed and started again, and killed again, many times a day.
func TestWhatAKilledProcessLeftIsRemovedByTheNextThatIndexes(t *testing.T) {
	dir := snapshotOf(t, []string{line("a")}, 0)
	path := filepath.Join(dir, snapshot.TempPrefix+"X")
	for name, tc := range map[string]struct{ locked, indexed bool }{
		"nobody has it": {}, "nobody has it, and there is an index": {indexed: true},
		"a process has it": {locked: true}, "a process has it, and there is an index": {locked: true, indexed: true},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.RemoveAll(filepath.Join(dir, snapshot.IndexFile)); err != nil {
				t.Fatal(err)
			}
			if tc.indexed {
				index(t, dir)
			}
			writeFile(t, path, nil)
			before := time.Now().Add(-2 * time.Minute)
			if err := os.Chtimes(path, before, before); err != nil {
				t.Fatal(err)
			}
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if tc.locked {
				if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
					t.Fatal(err)
				}
			}
			index(t, dir)
			if _, err := os.Stat(path); (err == nil) != tc.locked {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestWhoeverIndexesHasLockedTheFile(t *testing.T) {
	dir := snapshotOf(t, []string{line("a")}, 0)
	var found atomic.Bool
	ctx := &looksAround{context.Background(), func() {
		names, err := filepath.Glob(filepath.Join(dir, snapshot.TempPrefix+"*"))
		if err != nil || len(names) == 0 {
			return
		}
		found.Store(true)
		f, err := os.Open(names[0])
		if err != nil { // it has become the index meanwhile
			return
		}
		defer f.Close()
		if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			t.Error("it is not locked")
		}
	}}
	if err := snapshot.Index(ctx, dir); err != nil || !found.Load() {
		t.Errorf("%v, %v", found.Load(), err)
	}
}

// looksAround is a context that does something whenever it is asked whether it has ended.
type looksAround struct {
	context.Context
	look func()
}

func (c *looksAround) Err() error {
	c.look()
	return c.Context.Err()
}
