package staging

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// moveNew renames from to to, and fails with fs.ErrExist if to is there, even empty.
func moveNew(from, to string) error {
	err := renameat2(from, to, unix.RENAME_NOREPLACE)
	if errors.Is(err, errors.ErrUnsupported) {
		return moveIfAbsent(from, to)
	}
	return err
}

// exchange swaps two directories in one step. A file system that cannot (some network ones) is errors.ErrUnsupported.
func exchange(a, b string) error { return renameat2(a, b, unix.RENAME_EXCHANGE) }

func renameat2(from, to string, flag uint) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, flag)
	if errors.Is(err, unix.EINVAL) {
		err = errors.ErrUnsupported
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}
