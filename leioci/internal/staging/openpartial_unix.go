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

// openPartial opens a partial file and locks it. Between the two, a sweep or the previous holder
// may remove or move the file. The lock is then on a file that nobody else will find, so
// openPartial tries again.
func openPartial(path string) (file, error) {
	for range maxAttempts {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o644)
		if err != nil {
			return nil, err
		}
		if err := errors.Join(checkExclusive(f), tryLock(f)); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		opened, err := f.Stat()
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		current, err := os.Lstat(path)
		if err == nil && os.SameFile(opened, current) {
			return f, nil
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
	return nil, &fs.PathError{Op: "open", Path: path, Err: errInUse}
}

// checkExclusive returns an error unless f is a regular file with a single hard link and passes
// checkOwner: the file will be written to, and will become part of the target.
func checkExclusive(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.Mode().IsRegular() || st.Nlink > 1 {
		return fmt.Errorf("%s is not a regular file with a single hard link", f.Name())
	}
	return checkOwner(f)
}

// checkOwner returns an error unless f is owned by this process's user or by the owner of the
// parent directory. In a directory such as /tmp, others can create files with any name. The
// parent's owner is accepted because on some file systems all files belong to one user.
func checkOwner(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	parent, err := os.Stat(filepath.Dir(f.Name()))
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	parentStat, parentOK := parent.Sys().(*syscall.Stat_t)
	if !ok || !parentOK || int(st.Uid) != os.Geteuid() && st.Uid != parentStat.Uid {
		return fmt.Errorf("%s is owned by another user", f.Name())
	}
	return nil
}
