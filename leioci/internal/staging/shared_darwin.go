package staging

import "golang.org/x/sys/unix"

// isShared reports whether other hosts may write to the file system of dir, whose locks on
// directories are not seen here.
func isShared(dir string) bool {
	var st unix.Statfs_t
	err := unix.Statfs(dir, &st)
	return err != nil || st.Flags&unix.MNT_LOCAL == 0
}
