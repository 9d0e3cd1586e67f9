package staging

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// isMountPoint reports whether dir is the root of a mount. Linux 5.8 and later can tell; before
// that it returns false, and the exchange fails with EBUSY.
func isMountPoint(dir string) bool {
	var st unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, dir, 0, unix.STATX_TYPE, &st)
	return err == nil && st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0
}

// explainBusy adds advice to the error of an exchange with a mount point.
func explainBusy(target string, err error) error {
	if errors.Is(err, unix.EBUSY) {
		return fmt.Errorf("%w: %s: %s: %w", errdef.ErrTargetNotEmpty, target, mountAdvice, err)
	}
	return err
}
