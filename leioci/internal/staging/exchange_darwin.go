package staging

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

func moveNew(from, to string) error { return moveIfAbsent(from, to) }

// exchange swaps two directories in one step. A file system that cannot (not APFS) gets two.
func exchange(a, b string) error {
	err := unix.RenamexNp(a, b, unix.RENAME_SWAP)
	if errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.EINVAL) {
		return exchangeInSteps(a, b)
	}
	if err != nil {
		return &os.LinkError{Op: "exchange", Old: a, New: b, Err: err}
	}
	return nil
}
