package ociarchive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"runtime"
	"slices"
	"syscall"
	"testing"

	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/staging"
)

// A lockless disk has no locks.
type lockless struct{ disk }

func (lockless) openLocked(string) (staging.LockedFile, error) { return nil, errors.ErrUnsupported }

// A loose disk does not flush, which takes most of the time of a test.
type loose struct{ disk }

func (d loose) openLocked(path string) (staging.LockedFile, error) {
	f, err := d.disk.openLocked(path)
	return looseFile{f}, err
}

func (loose) syncDir(string) error { return nil }

type looseFile struct{ staging.LockedFile }

func (looseFile) Sync() error { return nil }

// A faultDisk calls fault before each operation that changes the disk, and fails with its error.
type faultDisk struct {
	disk
	fault func(op string) error
}

func (d faultDisk) either(op string, f func() error) error {
	if err := d.fault(op); err != nil {
		return &fs.PathError{Op: op, Path: "a path", Err: err}
	}
	return f()
}

func (d faultDisk) openLocked(path string) (f staging.LockedFile, err error) {
	err = d.either("openLocked", func() error { f, err = d.disk.openLocked(path); return err })
	return faultFile{f, d}, err
}

func (d faultDisk) create(path string) (f staging.LockedFile, err error) {
	err = d.either("create", func() error { f, err = d.disk.create(path); return err })
	return faultFile{f, d}, err
}

func (d faultDisk) makeParents(dir string) error {
	return d.either("makeParents", func() error { return d.disk.makeParents(dir) })
}

func (d faultDisk) adopt(path, target string, log logrus.FieldLogger) error {
	return d.either("adopt", func() error { return d.disk.adopt(path, target, log) })
}

func (d faultDisk) rename(from, to string) error {
	return d.either("rename", func() error { return d.disk.rename(from, to) })
}

func (d faultDisk) remove(path string) error {
	return d.either("remove", func() error { return d.disk.remove(path) })
}

func (d faultDisk) syncDir(path string) error {
	return d.either("syncDir", func() error { return d.disk.syncDir(path) })
}

type faultFile struct {
	staging.LockedFile
	disk faultDisk
}

// Write writes half of the data before it fails, as a full disk may.
func (f faultFile) Write(b []byte) (int, error) {
	half, err := f.LockedFile.Write(b[:len(b)/2])
	if err == nil {
		err = f.disk.fault("write")
	}
	if err != nil {
		return half, err
	}
	n, err := f.LockedFile.Write(b[half:])
	return half + n, err
}

func (f faultFile) Truncate(size int64) error {
	return f.disk.either("truncate", func() error { return f.LockedFile.Truncate(size) })
}

func (f faultFile) Sync() error { return f.disk.either("sync", f.LockedFile.Sync) }

// A scene is an archive to which an artifact is added, while the partial archive of a third is there.
type scene struct {
	m             *memory
	old, new      image
	left          image
	withLeft, was bool
}

func newScene() *scene {
	m := newMemory()
	return &scene{m: m, old: m.image("old", 3000, 700), new: m.image("new", 5000, 1), left: m.image("left", 1500, 2000)}
}

// set writes the old archive, and what a process has left.
func (s *scene) set(t *testing.T, path string) {
	t.Helper()
	if s.was {
		mustWrite(t, path, s.m, s.old, "old", "latest")
	}
	if !s.withLeft {
		return
	}
	w := newTestWriter(t, path)
	if err := errors.Join(putImage(t.Context(), w, s.m, s.left), w.Close()); err != nil {
		t.Fatal(err)
	}
}

// assert fails unless the target is as it was, or the new archive. It must be the latter if err is
// nil, and the former if changed is false.
func (s *scene) assert(t *testing.T, what, path string, before []byte, err error) {
	t.Helper()
	now, readErr := os.ReadFile(path)
	if readErr != nil && !errors.Is(readErr, fs.ErrNotExist) {
		t.Fatal(readErr)
	}
	if err != nil {
		if !bytes.Equal(now, before) {
			t.Errorf("%s: after %v the archive is another, of %d bytes", what, err, len(now))
		}
	} else {
		assertHolds(t, path, "latest", s.m, s.new)
	}
	if s.was {
		assertHolds(t, path, "old", s.m, s.old)
	}
	if err := write(t.Context(), loose{osDisk{}}, path, s.m, s.new, "next"); err != nil {
		t.Errorf("%s: the next copy fails: %v", what, err)
		return
	}
	assertHolds(t, path, "next", s.m, s.new)
	if s.was {
		assertHolds(t, path, "old", s.m, s.old)
	}
	a := open(t, path)
	if s.withLeft && a.has(s.left.blobs[1].Digest) {
		t.Errorf("%s: the archive holds a blob that nobody wanted", what)
	}
}

// The disk may be full, read-only, owned by another user or broken, at any operation, and recover or
// not.
func TestWhateverTheDiskRefusesTheArchiveIsWhole(t *testing.T) {
	for _, cause := range []error{syscall.ENOSPC, syscall.EACCES, syscall.EIO} {
		for _, onward := range []bool{false, true} {
			for _, both := range []bool{false, true} {
				t.Run(fmt.Sprintf("%v, onward: %v, an old and a partial one: %v", cause, onward, both), func(t *testing.T) {
					s := newScene()
					s.was, s.withLeft = both, both
					var refused []string
					for at := 1; ; at++ {
						path := target(t)
						s.set(t, path)
						before, _ := os.ReadFile(path)
						ops, failed := 0, ""
						err := write(t.Context(), faultDisk{loose{osDisk{}}, func(op string) error {
							if ops++; ops == at {
								failed = op
							}
							if ops == at || onward && ops > at {
								return cause
							}
							return nil
						}}, path, s.m, s.new, "latest")
						if failed == "" {
							break
						}
						refused = append(refused, failed)
						if err != nil && !errors.Is(err, cause) {
							t.Errorf("%s: got %v", failed, err)
						}
						if info, statErr := os.Stat(partialPath(path)); statErr == nil && runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
							t.Errorf("%s: the partial archive has the mode %v", failed, info.Mode())
						}
						s.assert(t, fmt.Sprintf("%s refused as operation %d", failed, at), path, before, err)
					}
					for _, op := range []string{"openLocked", "makeParents", "adopt", "rename", "syncDir", "write", "truncate", "sync"} {
						if !slices.Contains(refused, op) {
							t.Errorf("%s was not refused; these were: %q", op, refused)
						}
					}
				})
			}
		}
	}
}

// A copy may be given up at any time.
func TestWheneverTheContextEndsTheArchiveIsWhole(t *testing.T) {
	s := newScene()
	s.was, s.withLeft = true, true
	for at := 1; ; at++ {
		path := target(t)
		s.set(t, path)
		before := content(t, path)
		ctx, cancel := context.WithCancel(t.Context())
		ops := 0
		err := write(ctx, faultDisk{loose{osDisk{}}, func(string) error {
			if ops++; ops == at {
				cancel()
			}
			return nil
		}}, path, s.m, s.new, "latest")
		cancel()
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("operation %d: got %v", at, err)
		}
		s.assert(t, fmt.Sprintf("the context ended at operation %d", at), path, before, err)
		if ops < at {
			return
		}
	}
}

// A shared disk is one of several hosts, who do not see each other's locks.
type shared struct{ disk }

func (shared) shared(string) bool { return true }

func TestWhatAnotherHostWroteIsFoundBeforeTheArchiveIsReplaced(t *testing.T) {
	s := newScene()
	s.was = true
	path := target(t)
	s.set(t, path)
	before := content(t, path)
	w, err := newWriter(t.Context(), shared{osDisk{}}, path, math.MaxInt64, silent())
	if err != nil {
		t.Fatal(err)
	}
	defer closeOf(t, w)
	if err := putImage(t.Context(), w, s.m, s.new, "latest"); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(partialPath(path), os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err) // it is locked against that here
	}
	if _, err := f.WriteAt([]byte("other"), 4000); err != nil {
		t.Fatal(err)
	}
	closeOf(t, f)
	err = w.Commit(t.Context())
	if !errors.Is(err, errdef.ErrVerification) {
		t.Errorf("got %v", err)
	}
	s.assert(t, "after the other host wrote", path, before, err)
}

// A rename may reach the disk before the data that it makes visible.
func TestAllIsFlushedBeforeTheArchiveIsReplaced(t *testing.T) {
	s := newScene()
	s.was = true
	path := target(t)
	s.set(t, path)
	var ops []string
	err := write(t.Context(), faultDisk{osDisk{}, func(op string) error {
		ops = append(ops, op)
		return nil
	}}, path, s.m, s.new, "latest")
	if err != nil {
		t.Fatal(err)
	}
	if last := ops[len(ops)-5:]; !slices.Equal(last, []string{"sync", "adopt", "sync", "rename", "syncDir"}) {
		t.Errorf("the last operations are %q", last)
	}
}
