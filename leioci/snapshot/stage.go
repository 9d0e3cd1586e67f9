package snapshot

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/lowendinsight/lei-go/leioci/internal/regular"
)

// stagePrefix begins the name of a directory that is being written.
const stagePrefix = ".leioci-writing-"

// A stage is a directory that is written under a hidden name and then gets its own, so that nobody
// sees it half-written. Everything is relative to directories that are open, which stay the same
// whatever becomes of their names.
type stage struct {
	parent     *os.Root
	dir        *os.Root
	name, base string
	files      []*os.File
}

// newStage creates a directory beside dir, which must be absent or empty.
func newStage(dir string) (*stage, error) {
	if dir == "" {
		return nil, fs.ErrNotExist
	}
	path, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if exists(path) { // perhaps a symbolic link
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return nil, err
		}
	}
	if filepath.Dir(path) == path {
		return nil, fmt.Errorf("%s has no name to be replaced", path)
	}
	parent, err := regular.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	s := &stage{parent: parent, base: filepath.Base(path), name: stagePrefix + rand.Text()}
	if err := s.create(); err != nil {
		return nil, errors.Join(err, s.discard())
	}
	return s, nil
}

func (s *stage) create() error {
	if err := s.vacant(); err != nil {
		return err
	}
	err := s.parent.Mkdir(s.name, 0o777) // less the umask, as any new directory
	if err != nil {
		return err
	}
	s.dir, err = s.parent.OpenRoot(s.name)
	return err
}

// vacant returns an error unless the directory is absent, or empty and to be renamed.
func (s *stage) vacant() error {
	info, err := s.parent.Lstat(s.base)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%w, and not a directory", fs.ErrExist)
	}
	parent, err := s.parent.Stat(".")
	if err != nil {
		return err
	}
	if !sameDevice(parent, info) {
		return errors.New("a file system is mounted there; write to a directory in it")
	}
	f, err := s.parent.Open(s.base)
	if err != nil {
		return err
	}
	_, err = f.Readdirnames(1)
	_ = f.Close() // opened for reading: nothing to lose
	switch err {
	case io.EOF:
		return nil
	case nil:
		return fmt.Errorf("%w, and not empty", fs.ErrExist)
	}
	return err
}

// file creates a file in the directory.
func (s *stage) file(name string) (*os.File, error) {
	f, err := s.dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666) // less the umask
	if err == nil {
		s.files = append(s.files, f)
	}
	return f, err
}

// flush makes the files and their names survive a crash, and closes them.
func (s *stage) flush() error {
	var errs []error
	for _, f := range s.files {
		errs = append(errs, f.Sync(), f.Close())
	}
	s.files = nil
	return errors.Join(append(errs, syncDir(s.dir))...)
}

// commit gives the directory its name. If done is true and there is an error, it has the name, but
// may lose it in a crash.
func (s *stage) commit() (done bool, err error) {
	err = s.dir.Close() // Windows does not rename a directory that is open
	s.dir = nil
	if err == nil {
		err = s.vacant() // renaming finds that too, but does not say it so well
	}
	if err != nil {
		return false, err
	}
	// Package os renames nothing to the name of a directory, even if that is empty. With the
	// separator, nothing but a directory is removed.
	err = s.parent.Remove(s.base + string(filepath.Separator))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if err := s.parent.Rename(s.name, s.base); err != nil {
		return false, err
	}
	s.name = ""
	return true, syncDir(s.parent)
}

// discard removes the directory, unless it has got its name, and closes what is open.
func (s *stage) discard() error {
	var errs []error
	for _, f := range s.files {
		errs = append(errs, f.Close())
	}
	if s.dir != nil {
		errs = append(errs, s.dir.Close())
	}
	if s.name != "" {
		errs = append(errs, s.parent.RemoveAll(s.name))
	}
	return errors.Join(append(errs, s.parent.Close())...)
}

// syncDir flushes the names in a directory. Windows cannot, and its file system journals them;
// some network file systems cannot either.
func syncDir(root *os.Root) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := root.Open(".")
	if err != nil {
		return err
	}
	if err = f.Sync(); errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil
	}
	return errors.Join(err, f.Close())
}
