//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package snapshot

import (
	"os"
	"syscall"
)

// lock locks a file until it is closed or the process ends. It fails if another has locked it, and
// where there are no locks.
func lock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }
