//go:build unix

package staging

import (
	"io/fs"
	"os"
	"strconv"
	"syscall"
)

// mountID identifies the mounted file system that a directory is on.
func mountID(dir string) string {
	info, err := os.Stat(dir)
	if err != nil {
		return ""
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return strconv.FormatUint(uint64(st.Dev), 16) //nolint:unconvert // a signed number on some systems
}

// ownerOf returns the user and group of a file.
func ownerOf(info fs.FileInfo) (uid, gid int, ok bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return int(st.Uid), int(st.Gid), true
}
