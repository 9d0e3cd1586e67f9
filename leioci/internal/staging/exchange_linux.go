package staging

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// moveNew renames from to to, and fails with fs.ErrExist if to is there, even empty.
func moveNew(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if unsupported(err) {
		return moveIfAbsent(from, to)
	}
	return named("rename", from, to, err)
}

// exchange swaps two directories in one step. A file system that cannot (some network ones) gets two.
func exchange(a, b string) error {
	err := unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
	if unsupported(err) {
		return exchangeInSteps(a, b)
	}
	return named("exchange", a, b, err)
}

func unsupported(err error) bool {
	return errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.ENOTSUP)
}

func named(op, from, to string, err error) error {
	if err == nil {
		return nil
	}
	return &os.LinkError{Op: op, Old: from, New: to, Err: err}
}

// mounted reports whether dir is the root of a mount, as far as the kernel says so (Linux 5.8 and later);
// where it does not, the exchange fails with EBUSY.
func mounted(dir string) bool {
	var st unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, dir, 0, unix.STATX_TYPE, &st)
	return err == nil && st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0
}

// busy adds advice to the error of an exchange with a mount point.
func busy(target string, err error) error {
	if errors.Is(err, unix.EBUSY) || errors.Is(err, unix.EXDEV) {
		return fmt.Errorf("%w: %s: %s: %w", errdef.ErrTargetNotEmpty, target, mountAdvice, err)
	}
	return err
}
