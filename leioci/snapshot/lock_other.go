//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package snapshot

import (
	"errors"
	"os"
)

// lock fails: there are no locks.
func lock(*os.File) error { return errors.ErrUnsupported }
