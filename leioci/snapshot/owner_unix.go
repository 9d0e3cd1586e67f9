//go:build unix

package snapshot

import (
	"io/fs"
	"os"
	"syscall"
)

// imitate gives a file the group of another, its user if this process may do so, and its
// permissions, so that whoever reads the one can read the other. Where the group is refused, as by
// some file systems, it gets none of the group's permissions.
func imitate(f *os.File, like fs.FileInfo) error {
	perm := like.Mode().Perm() | 0o600
	now, err := f.Stat()
	if err != nil {
		return err
	}
	want, ok := like.Sys().(*syscall.Stat_t)
	have, okNow := now.Sys().(*syscall.Stat_t)
	if ok && okNow && (want.Gid != have.Gid || want.Uid != have.Uid && os.Geteuid() == 0) {
		user := -1 // only root can give a file away
		if os.Geteuid() == 0 {
			user = int(want.Uid)
		}
		if f.Chown(user, int(want.Gid)) != nil && want.Gid != have.Gid {
			perm &^= 0o070
		}
	}
	return f.Chmod(perm)
}
