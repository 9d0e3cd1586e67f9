package staging

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A lowerDisk is an overlay file system on which some directory is from a lower layer: it cannot be
// renamed, but removed.
type lowerDisk struct {
	osDisk
	lower  fs.FileInfo
	copies bool // there are no links either
	ops    *int
	killAt int // operations from this number on are not carried out
	failAt int // this one is not
}

var errFailed = errors.New("it failed")

func (d lowerDisk) op(do func() error) error {
	*d.ops++
	switch {
	case d.killAt > 0 && *d.ops >= d.killAt:
		return errKilled
	case *d.ops == d.failAt:
		return errFailed
	}
	return do()
}

func (d lowerDisk) isLower(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && os.SameFile(info, d.lower)
}

func (d lowerDisk) rename(from, to string) error {
	return d.op(func() error {
		if d.isLower(from) {
			return &os.LinkError{Op: "rename", Old: from, New: to, Err: syscall.EXDEV}
		}
		return d.osDisk.rename(from, to)
	})
}

func (d lowerDisk) exchange(a, b string) error {
	return d.op(func() error {
		if d.isLower(a) || d.isLower(b) {
			return &os.LinkError{Op: "exchange", Old: a, New: b, Err: syscall.EXDEV}
		}
		return d.osDisk.exchange(a, b)
	})
}

func (d lowerDisk) link(from, to string) error {
	if d.copies {
		return errors.ErrUnsupported
	}
	return d.op(func() error { return d.osDisk.link(from, to) })
}

func (d lowerDisk) remove(path string) error {
	return d.op(func() error { return d.osDisk.remove(path) })
}

func (d lowerDisk) mkdir(path string, perm fs.FileMode) error {
	return d.op(func() error { return d.osDisk.mkdir(path, perm) })
}

func (d lowerDisk) syncDir(string) error { return d.op(func() error { return nil }) }

// newLower returns a target from a lower layer, which holds c.
func newLower(t *testing.T, c content) (lowerDisk, string) {
	t.Helper()
	target := filepath.Join(t.TempDir(), "parent", "target")
	c.write(t, target)
	open, err := os.Open(target) // so that its number is given to no other directory
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = open.Close() })
	info, err := open.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return lowerDisk{lower: info, ops: new(int)}, target
}

func TestADirectoryThatCannotBeRenamedIsReplaced(t *testing.T) {
	for name, c := range map[string]content{"an empty one": {}, "a snapshot": oldContent} {
		for _, copies := range []bool{false, true} {
			d, target := newLower(t, c)
			d.copies = copies
			for _, c := range []content{newContent, newerContent} {
				if err := replace(t.Context(), d, target, c); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if got, left := read(t, target), beside(t, target); !maps.Equal(got, c) || left != nil {
					t.Errorf("%s: the target holds %q, and beside it are %q", name, got, left)
				}
			}
		}
	}
}

func TestAKillInTheMiddleOfThatIsMendedByTheNext(t *testing.T) {
	for _, c := range []content{{}, oldContent} {
		for kill := 1; ; kill++ {
			d, target := newLower(t, c)
			d.killAt = kill
			if err := replace(t.Context(), d, target, newContent); err == nil {
				break
			}
			d.killAt = 0
			next, err := newOn(t.Context(), d, target, threeFiles, silent())
			if err != nil {
				t.Fatalf("killed at %d: %v", kill, err)
			}
			if got := read(t, target); !maps.Equal(got, c) && !maps.Equal(got, newContent) {
				t.Errorf("killed at %d: the target holds %q", kill, got)
			}
			discard(t, next)
			if err := replace(t.Context(), d, target, newerContent); err != nil {
				t.Errorf("killed at %d: %v", kill, err)
			}
			if got, left := read(t, target), beside(t, target); !maps.Equal(got, newerContent) || left != nil {
				t.Errorf("killed at %d: the target holds %q, and beside it are %q", kill, got, left)
			}
		}
	}
}

func TestAFailureInTheMiddleOfThatIsUndone(t *testing.T) {
	for fail := 1; fail < 60; fail++ {
		d, target := newLower(t, oldContent)
		d.failAt = fail
		err := replace(t.Context(), d, target, newContent)
		want := oldContent
		if err == nil {
			want = newContent
		}
		if got := read(t, target); !maps.Equal(got, want) {
			t.Errorf("operation %d failed, %v: the target holds %q", fail, err, got)
		}
	}
}

func TestCopyingEndsWithTheContext(t *testing.T) {
	target := filepath.Join(t.TempDir(), "parent", "target")
	oldContent.write(t, target)
	d, err := newOn(t.Context(), noLinks{}, target, threeFiles, silent())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Link(ctx, "b", filepath.Join(target, "b")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	discard(t, d)
}
