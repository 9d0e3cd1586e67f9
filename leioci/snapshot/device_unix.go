//go:build unix

package snapshot

import (
	"io/fs"
	"syscall"
)

// sameDevice reports whether two files are on one file system, as far as can be told.
func sameDevice(a, b fs.FileInfo) bool {
	one, ok := a.Sys().(*syscall.Stat_t)
	other, otherOK := b.Sys().(*syscall.Stat_t)
	return !ok || !otherOK || one.Dev == other.Dev
}
