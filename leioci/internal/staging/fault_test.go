package staging

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// A faultDisk fails one operation, or all from that one on.
type faultDisk struct {
	disk
	err     error
	at      int  // the number of the operation
	onward  bool // and all that follow
	inSteps bool // there is no exchange in one step
	ops     int
	refused string // the operation with number at
}

func (d *faultDisk) fault(op string) error {
	d.ops++
	if d.ops == d.at {
		d.refused = op
	}
	if d.ops == d.at || d.onward && d.ops > d.at {
		return &fs.PathError{Op: op, Path: "a path", Err: d.err}
	}
	return nil
}

// either returns err, or else the result of op.
func either(err error, op func() error) error {
	if err != nil {
		return err
	}
	return op()
}

func (d *faultDisk) mkdir(path string, perm fs.FileMode) error {
	return either(d.fault("mkdir"), func() error { return d.disk.mkdir(path, perm) })
}

func (d *faultDisk) create(path string) (f file, err error) {
	err = either(d.fault("create"), func() error { f, err = d.disk.create(path); return err })
	return &faultFile{f, d}, err
}

func (d *faultDisk) openPartial(path string) (f file, err error) {
	err = either(d.fault("openPartial"), func() error { f, err = d.disk.openPartial(path); return err })
	return &faultFile{f, d}, err
}

func (d *faultDisk) rename(from, to string) error {
	return either(d.fault("rename"), func() error { return d.disk.rename(from, to) })
}

func (d *faultDisk) exchange(a, b string) error {
	if d.inSteps {
		return errors.ErrUnsupported
	}
	return either(d.fault("exchange"), func() error { return d.disk.exchange(a, b) })
}

func (d *faultDisk) link(from, to string) error {
	return either(d.fault("link"), func() error { return d.disk.link(from, to) })
}

func (d *faultDisk) remove(path string) error {
	return either(d.fault("remove"), func() error { return d.disk.remove(path) })
}

func (d *faultDisk) chmod(path string, perm fs.FileMode) error {
	return either(d.fault("chmod"), func() error { return d.disk.chmod(path, perm) })
}

func (d *faultDisk) syncFile(path string) error {
	return either(d.fault("syncFile"), func() error { return d.disk.syncFile(path) })
}

func (d *faultDisk) syncDir(path string) error {
	return either(d.fault("syncDir"), func() error { return d.disk.syncDir(path) })
}

type faultFile struct {
	file
	disk *faultDisk
}

// Write writes half of the data before it fails, as a full disk may.
func (f *faultFile) Write(b []byte) (int, error) {
	if err := f.disk.fault("write"); err != nil {
		n, werr := f.file.Write(b[:len(b)/2])
		return n, errors.Join(err, werr)
	}
	return f.file.Write(b)
}

func (f *faultFile) Truncate(size int64) error {
	return either(f.disk.fault("truncate"), func() error { return f.file.Truncate(size) })
}

func (f *faultFile) Sync() error { return either(f.disk.fault("sync"), f.file.Sync) }

// The disk may be full, read-only, owned by another user or broken, at any operation of a
// replacement.
func TestWhateverTheDiskRefusesTheTargetIsWhole(t *testing.T) {
	for _, tc := range []struct {
		err    error
		onward bool
	}{
		{syscall.ENOSPC, false},
		{syscall.EACCES, false},
		{syscall.EIO, false},
		{syscall.EROFS, true},
		{syscall.ENOSPC, true},
	} {
		for _, inSteps := range []bool{false, true} {
			for _, old := range []content{oldContent, nil} {
				t.Run(fmt.Sprintf("%v, onward: %v, in steps: %v, an old one: %v", tc.err, tc.onward, inSteps, old != nil), func(t *testing.T) {
					var refused []string
					for at := 1; ; at++ {
						d := &faultDisk{disk: looseDisk{}, err: tc.err, at: at, onward: tc.onward, inSteps: inSteps}
						if !d.refuses(t, old) {
							break
						}
						refused = append(refused, d.refused)
					}
					// Every kind of operation was refused once.
					for _, op := range []string{"mkdir", "create", "openPartial", "rename", "remove", "syncDir", "write", "truncate", "sync"} {
						if !slices.Contains(refused, op) {
							t.Errorf("%s was not refused; these were: %q", op, refused)
						}
					}
				})
			}
		}
	}
}

// killed ends the name of a directory that another process left.
const killed = "1-KILLED"

// refuses replaces a directory that holds old, with a wrong partial file beside it, and checks the
// result. It reports whether there was an operation to refuse.
func (d *faultDisk) refuses(t *testing.T, old content) bool {
	t.Helper()
	target := filepath.Join(t.TempDir(), "parent", "target")
	if old != nil {
		old.write(t, target)
	}
	n := namesOf(target)
	content{n.partial + "sha256-the-new-c": "wrong", "another": "mine"}.write(t, n.parent)
	content{"a": "half"}.write(t, filepath.Join(n.parent, n.staging+killed))

	err := replace(t.Context(), d, target, newContent)
	what := fmt.Sprintf("%s refused as operation %d, error %v", d.refused, d.at, err)
	if err != nil && !errors.Is(err, d.err) {
		t.Error(what)
	}
	got := read(t, target)
	if d.inSteps && d.onward && got == nil && old != nil {
		// Nothing could be undone either.
		next, err := newOn(t.Context(), looseDisk{}, target, threeFiles, silent())
		if err != nil {
			t.Fatal(what, err)
		}
		if err := next.Discard(); err != nil {
			t.Error(what, err)
		}
		got = read(t, target)
	}
	want := old
	if err == nil {
		want = newContent
	}
	if !maps.Equal(got, want) {
		t.Errorf("%s: the target holds %q, want %q", what, got, want)
	}
	if err != nil && !d.onward && d.refused != "remove" {
		d.assertOnlyPartials(t, target, what)
	}
	if err := replace(t.Context(), looseDisk{}, target, newerContent); err != nil {
		t.Errorf("%s: the next replacement fails: %v", what, err)
	}
	if got, left := read(t, target), beside(t, target); !maps.Equal(got, newerContent) || !slices.Equal(left, []string{"another"}) {
		t.Errorf("%s: after the next replacement the target holds %q, and beside it are %q", what, got, left)
	}
	return d.refused != ""
}

// assertOnlyPartials fails if anything is beside a target that was not replaced, except partial
// files and what was there before.
func (d *faultDisk) assertOnlyPartials(t *testing.T, target, what string) {
	t.Helper()
	for _, name := range beside(t, target) {
		if name != "another" && !strings.HasSuffix(name, killed) && !strings.HasPrefix(name, namesOf(target).partial) {
			t.Errorf("%s: %s is left", what, name)
		}
	}
}
