//go:build linux || darwin

package staging

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// openPartial opens a partial file and locks it. If the file is removed or moved away in between, by who had it before
// or by a sweep, the lock is on a file that nobody else will find: then it tries again.
func openPartial(path string) (file, error) {
	for range attempts {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o644)
		if err != nil {
			return nil, err
		}
		if err := errors.Join(alone(f), tryLock(f)); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		opened, err := f.Stat()
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		there, err := os.Lstat(path)
		if err == nil && os.SameFile(opened, there) {
			return f, nil
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
	return nil, &fs.PathError{Op: "open", Path: path, Err: errInUse}
}

// alone returns an error unless f is a regular file, has no other name, and is trusted: it will be written to, and it
// will be part of the target.
func alone(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.Mode().IsRegular() || st.Nlink > 1 {
		return fmt.Errorf("%s is not a file of its own", f.Name())
	}
	return trusted(f)
}

// trusted returns an error unless f belongs to this process's user, or to the parent directory's: in a directory such
// as /tmp others can make files of any name. (Some file systems give all files to one user, the parent's.)
func trusted(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	parent, err := os.Stat(filepath.Dir(f.Name()))
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	above, okAbove := parent.Sys().(*syscall.Stat_t)
	if !ok || !okAbove || int(st.Uid) != os.Geteuid() && st.Uid != above.Uid {
		return fmt.Errorf("%s belongs to somebody else", f.Name())
	}
	return nil
}
