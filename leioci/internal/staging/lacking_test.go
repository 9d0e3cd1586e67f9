package staging

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/sirupsen/logrus"
	logrustest "github.com/sirupsen/logrus/hooks/test"
)

// A lackingDisk always fails one kind of operation.
type lackingDisk struct {
	osDisk
	op  string
	err error
}

func (d lackingDisk) lacks(op string) error {
	if op != d.op {
		return nil
	}
	return &fs.PathError{Op: op, Path: "a path", Err: d.err}
}

func (d lackingDisk) syncDir(path string) error {
	return either(d.lacks("syncDir"), func() error { return d.osDisk.syncDir(path) })
}

func (d lackingDisk) syncFile(path string) error {
	return either(d.lacks("sync"), func() error { return d.osDisk.syncFile(path) })
}

func (d lackingDisk) chmod(path string, mode fs.FileMode) error {
	return either(d.lacks("chmod"), func() error { return d.osDisk.chmod(path, mode) })
}

func (d lackingDisk) chown(path string, user, group int) error {
	return either(d.lacks("chown"), func() error { return d.osDisk.chown(path, user, group) })
}

func (d lackingDisk) link(from, to string) error {
	return either(d.lacks("link"), func() error { return d.osDisk.link(from, to) })
}

func (d lackingDisk) exchange(a, b string) error {
	return either(d.lacks("exchange"), func() error { return d.osDisk.exchange(a, b) })
}

func (d lackingDisk) openPartial(path string) (f file, err error) {
	err = either(d.lacks("openPartial"), func() error { f, err = d.osDisk.openPartial(path); return err })
	return lackingFile{f, d}, err
}

func (d lackingDisk) create(path string) (f file, err error) {
	f, err = d.osDisk.create(path)
	return lackingFile{f, d}, err
}

type lackingFile struct {
	file
	d lackingDisk
}

func (f lackingFile) Sync() error { return either(f.d.lacks("sync"), f.file.Sync) }

func TestWhatAFileSystemLacksIsNotedAndPassedOver(t *testing.T) {
	for _, tc := range []struct {
		op     string
		errs   []error
		silent bool // there is another way, which does as well
	}{
		{op: "syncDir", errs: []error{syscall.EINVAL, syscall.ENOTSUP, syscall.ENOSYS, syscall.ENOTTY, syscall.EBADF, syscall.EISDIR}},
		{op: "sync", errs: []error{syscall.EINVAL, syscall.ENOTSUP, syscall.ENOSYS}},
		{op: "chmod", errs: []error{syscall.EPERM, syscall.EACCES, syscall.EINVAL, syscall.ENOTSUP, syscall.ENOSYS}},
		{op: "link", errs: []error{syscall.EPERM, syscall.ENOTSUP, syscall.ENOSYS, syscall.EMLINK, syscall.EXDEV}, silent: true},
		{op: "exchange", errs: []error{errors.ErrUnsupported}, silent: true},
		{op: "openPartial", errs: []error{syscall.ENOLCK, syscall.EINVAL, syscall.ENOSYS, errors.ErrUnsupported}},
	} {
		for _, lack := range tc.errs {
			t.Run(tc.op+" "+lack.Error(), func(t *testing.T) {
				target := filepath.Join(t.TempDir(), "parent", "target")
				oldContent.write(t, target)
				if err := (osDisk{}).chmod(filepath.Join(target, "a"), 0o640); err != nil {
					t.Fatal(err)
				}
				log, logged := logrustest.NewNullLogger()
				for _, c := range []content{newContent, newerContent, oldContent} {
					if err := replaceLogging(t.Context(), lackingDisk{op: tc.op, err: lack}, target, c, log); err != nil {
						t.Fatal(err)
					}
					if got, left := read(t, target), beside(t, target); !maps.Equal(got, c) || left != nil {
						t.Errorf("the target holds %q, and beside it are %q", got, left)
					}
					said := slices.ContainsFunc(logged.AllEntries(), func(e *logrus.Entry) bool { return e.Level == logrus.InfoLevel })
					if said == tc.silent {
						t.Errorf("the log says %v", logged.AllEntries())
					}
				}
			})
		}
	}
}

func TestWhatProtectsDataIsNotPassedOver(t *testing.T) {
	for _, op := range []string{"syncDir", "sync"} {
		for _, err := range []error{syscall.EIO, syscall.ENOSPC, syscall.EDQUOT} {
			target := filepath.Join(t.TempDir(), "parent", "target")
			oldContent.write(t, target)
			if got := replace(t.Context(), lackingDisk{op: op, err: err}, target, newContent); !errors.Is(got, err) {
				t.Errorf("%s: got %v, want %v", op, got, err)
			}
			if got := read(t, target); !maps.Equal(got, oldContent) {
				t.Errorf("the target holds %q", got)
			}
		}
	}
}

// keepingDisk removes nothing from a directory that holds the old content: a reader on another host
// has a file open, or another user owns it.
type keepingDisk struct {
	osDisk
	t   *testing.T
	err error
}

func (d keepingDisk) remove(path string) error {
	if dir := filepath.Dir(path); filepath.Base(dir) != "parent" && read(d.t, dir)["a"] == oldContent["a"] {
		return &fs.PathError{Op: "remove", Path: path, Err: d.err}
	}
	return d.osDisk.remove(path)
}

func TestAfterTheExchangeNothingIsAFailure(t *testing.T) {
	for _, busy := range []error{syscall.EBUSY, syscall.EPERM, syscall.EACCES, syscall.ENOTEMPTY, syscall.EIO} {
		target := filepath.Join(t.TempDir(), "parent", "target")
		oldContent.write(t, target)
		log, logged := logrustest.NewNullLogger()
		if err := replaceLogging(t.Context(), keepingDisk{t: t, err: busy}, target, newContent, log); err != nil {
			t.Errorf("%v: the new directory is in place, and there is an error: %v", busy, err)
		}
		if said := logged.LastEntry(); said == nil || said.Level != logrus.WarnLevel {
			t.Errorf("%v: the log says %v", busy, said)
		}
		if got, left := read(t, target), beside(t, target); !maps.Equal(got, newContent) || len(left) != 1 {
			t.Errorf("%v: the target holds %q, and beside it are %q", busy, got, left)
		}
		if err := Tidy(target, threeFiles, silent()); err != nil {
			t.Error(err)
		}
		if left := beside(t, target); left != nil {
			t.Errorf("%v: later, beside it are %q", busy, left)
		}
	}
}

// watchingDisk sees who may read the directory that a file is removed from.
type watchingDisk struct {
	osDisk
	t *testing.T
}

func (d watchingDisk) chmod(path string, mode fs.FileMode) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() && read(d.t, path)["a"] == oldContent["a"] && mode&0o055 != 0o055 {
		d.t.Errorf("nobody may read the old directory any more: %v", mode)
	}
	return d.osDisk.chmod(path, mode)
}

func TestReadersOfTheOldDirectoryAreNeverRefused(t *testing.T) {
	target := filepath.Join(t.TempDir(), "parent", "target")
	oldContent.write(t, target)
	for _, mode := range []fs.FileMode{0o755, 0o555} {
		if err := (osDisk{}).chmod(target, mode); err != nil {
			t.Fatal(err)
		}
		if err := replace(t.Context(), watchingDisk{t: t}, target, newContent); err != nil {
			t.Error(err)
		}
		oldContent.write(t, target)
	}
}
