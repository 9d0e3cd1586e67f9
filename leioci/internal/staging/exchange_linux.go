package staging

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// moveNew renames from to to. It fails with fs.ErrExist if to exists, even as an empty directory.
func moveNew(from, to string) error {
	err := renameat2(from, to, unix.RENAME_NOREPLACE)
	if errors.Is(err, errors.ErrUnsupported) {
		return moveIfAbsent(from, to)
	}
	return err
}

// exchange swaps two directories in one step. It returns errors.ErrUnsupported on a file system
// that cannot do so, as some network file systems cannot.
func exchange(a, b string) error { return renameat2(a, b, unix.RENAME_EXCHANGE) }

func renameat2(from, to string, flag uint) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, flag)
	// EPERM is what a container's system call filter says to a call that it does not know. If it is
	// the file system that refuses, it refuses the renames in its stead as well.
	if unable(err) || errors.Is(err, unix.EPERM) {
		err = errors.ErrUnsupported
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}
