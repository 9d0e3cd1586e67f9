//go:build linux || darwin

package staging

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// lockPoll is how often to retry a lock that someone else holds. Locks are held for a few renames
// and flushes, and for a check of the target.
const lockPoll = 10 * time.Millisecond

// lock keeps others, in this process or another, from replacing anything in dir until unlock. The
// lock is on the directory itself: it leaves no file behind, and ends with the process. On a file
// system without locks, as some network file systems are, lock does nothing.
func lock(ctx context.Context, dir string) (unlock func() error, err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(lockPoll)
	defer tick.Stop()
	for {
		err := tryLock(f)
		if err == nil || errors.Is(err, errors.ErrUnsupported) {
			return f.Close, nil
		}
		if !errors.Is(err, errInUse) {
			return nil, errors.Join(err, f.Close())
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("lock %s: %w", dir, context.Cause(ctx)), f.Close())
		}
	}
}

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
		case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOLCK):
			err = errors.ErrUnsupported
		}
		return fmt.Errorf("lock %s: %w", f.Name(), err)
	}
}

// lockNewDir locks a directory that this process created, where there are locks.
func lockNewDir(path string) (io.Closer, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := tryLock(f); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// lockExistingDir locks a directory that another process may have created and may be using.
func lockExistingDir(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(checkOwner(f), tryLock(f)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
