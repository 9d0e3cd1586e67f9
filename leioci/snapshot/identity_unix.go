//go:build unix

package snapshot

import (
	"io/fs"
	"syscall"
)

// inodeOf returns the number of a file and the time of its last change of any kind, which nobody
// can set. The number of its file system is left out, because that may differ after a restart.
func inodeOf(info fs.FileInfo) (number uint64, changed int64) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0
	}
	return uint64(stat.Ino), changeTime(stat) //nolint:unconvert // of 32 bits on some systems
}
