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

// openPartial opens a partial file, or a lock file, and locks it. Between the two, a sweep or the
// previous holder may remove or move the file. The lock is then on a file that nobody else will
// find, so openPartial tries again.
//
// Nobody else may read the file: the target may be less readable than the directory it is in. Nor
// may anybody else lock it, which would keep it in use for ever.
func openPartial(path string) (file, error) {
	var again error
	for range maxAttempts {
		// Without O_NONBLOCK, opening a pipe may wait for its other end.
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
		if errors.Is(err, unix.ESTALE) || errors.Is(err, fs.ErrNotExist) {
			again = err // another host removed the file, and this one looked it up in its cache
			continue
		}
		if errors.Is(err, fs.ErrPermission) && regain(path) {
			again = err
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := checkExclusive(f); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		if err := tryLock(f); err != nil {
			if !errors.Is(err, errInUse) {
				err = errors.Join(err, removeEmpty(f)) // probably just made, and of no use here
			}
			return nil, errors.Join(err, f.Close())
		}
		current, err := os.Lstat(path)
		opened, openedErr := f.Stat() // after the other, which tells whether it was removed
		if openedErr != nil {
			return nil, errors.Join(openedErr, f.Close())
		}
		if err == nil && os.SameFile(opened, current) {
			return f, nil
		}
		if removed(opened) {
			again = errInUse
		} else {
			again = errors.ErrUnsupported // the file system's numbers do not tell files apart
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
	return nil, &fs.PathError{Op: "open", Path: path, Err: again}
}

// regain makes accessible what this user owns beside the target, but may not open: a umask, or
// somebody's hand, has taken the permissions away. It reports whether it gave any.
func regain(path string) bool {
	info, err := os.Lstat(path)
	if err != nil {
		return false
	}
	lacking := fs.FileMode(0o600)
	if info.IsDir() {
		lacking = 0o700
	}
	owner, _, ok := ownerOf(info)
	if !ok || owner != os.Geteuid() || info.Mode().Perm()&lacking == lacking || !info.IsDir() && !info.Mode().IsRegular() {
		return false
	}
	if !info.IsDir() && !hasOneLink(path, info) {
		return false
	}
	return os.Chmod(path, info.Mode()&modeBits|lacking) == nil
}

func removeEmpty(f *os.File) error {
	info, err := f.Stat()
	if err == nil && info.Size() == 0 {
		err = os.Remove(f.Name())
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// removed reports whether an open file has no name any more.
func removed(opened fs.FileInfo) bool {
	st, ok := opened.Sys().(*syscall.Stat_t)
	return ok && st.Nlink == 0
}

// hasOneLink reports whether a file has no other name.
func hasOneLink(_ string, info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Nlink == 1
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
	return checkOwner(f, trusted)
}

// checkOwner returns an error unless f is accepted, given the directory that it is in.
func checkOwner(f *os.File, accepts func(info, parent fs.FileInfo) bool) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	parent, err := os.Stat(filepath.Dir(f.Name()))
	if err != nil {
		return err
	}
	if !accepts(info, parent) {
		return fmt.Errorf("%s is owned by another user", f.Name())
	}
	return nil
}

// trusted reports whether a file or directory is owned by this process's user or by the owner of
// the directory that the target is in. In a directory such as /tmp, others can create files with
// any name. The parent's owner is accepted because on some file systems all files belong to one
// user, and because that user may replace the target anyway.
func trusted(info, parent fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	parentStat, parentOK := parent.Sys().(*syscall.Stat_t)
	return ok && parentOK && (int(st.Uid) == os.Geteuid() || st.Uid == parentStat.Uid)
}
