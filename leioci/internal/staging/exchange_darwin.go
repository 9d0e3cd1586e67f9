package staging

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

func moveNew(from, to string) error { return moveIfAbsent(from, to) }

// exchange swaps two directories in one step. It returns errors.ErrUnsupported on a file system
// that cannot do so, that is, on any but APFS.
func exchange(a, b string) error {
	err := unix.RenamexNp(a, b, unix.RENAME_SWAP)
	if unable(err) {
		err = errors.ErrUnsupported
	}
	if err != nil {
		return &os.LinkError{Op: "exchange", Old: a, New: b, Err: err}
	}
	return nil
}
