//go:build linux || darwin

package staging

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// tryLock locks an open file or directory until it is closed or the process ends. It returns
// errInUse if someone else holds the lock, and errors.ErrUnsupported where there are no locks.
func tryLock(f *os.File) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EWOULDBLOCK):
			err = errInUse
		case unable(err), errors.Is(err, unix.EBADF): // EBADF: NFS, for a directory
			err = errors.ErrUnsupported
		}
		return fmt.Errorf("lock %s: %w", f.Name(), err)
	}
}

// lockNewDir locks a directory that this process created, where there are locks and this process
// may use them. On a network file system that holds for this host alone.
func lockNewDir(path string) (io.Closer, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := tryLock(f); errors.Is(err, errInUse) {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// lockExistingDir locks a directory that another process of this host may have created and may be
// using.
func lockExistingDir(path string) (io.Closer, error) {
	open := func() (*os.File, error) {
		return os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_DIRECTORY, 0)
	}
	f, err := open()
	if errors.Is(err, fs.ErrPermission) && regain(path) {
		f, err = open()
	}
	if err != nil {
		return nil, err
	}
	err = checkOwner(f, placed)
	if err == nil {
		err = tryLock(f)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
