package staging

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// attributeFixed says why a directory cannot be renamed because of what it is, or "". Linux 5.8 and
// later can tell that it is the root of a mount; before that, the exchange fails with EBUSY.
func attributeFixed(dir string) string {
	var st unix.Statx_t
	switch err := unix.Statx(unix.AT_FDCWD, dir, 0, unix.STATX_TYPE, &st); {
	case err != nil:
	case st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0:
		return mountAdvice
	case st.Attributes&(unix.STATX_ATTR_IMMUTABLE|unix.STATX_ATTR_APPEND) != 0:
		return "it is marked as immutable or append-only; remove that (chattr -ia), or use another directory"
	}
	return ""
}

// explainBusy adds advice to the error of an exchange with a mount point.
func explainBusy(target string, err error) error {
	if errors.Is(err, unix.EBUSY) {
		return fmt.Errorf("%w: %s: %s: %w", errdef.ErrTargetNotEmpty, target, mountAdvice, err)
	}
	return err
}
