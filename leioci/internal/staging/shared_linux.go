package staging

import "golang.org/x/sys/unix"

// isShared reports whether other hosts may write to the file system of dir, whose locks on
// directories are not seen here. A file system that is not known to be this host's alone may be
// shared: there are many.
func isShared(dir string) bool {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return true
	}
	switch uint32(st.Type) { // some systems extend its sign
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, 0x2fc12fc1, // ZFS
		unix.TMPFS_MAGIC, unix.RAMFS_MAGIC, unix.OVERLAYFS_SUPER_MAGIC, unix.MSDOS_SUPER_MAGIC, unix.EXFAT_SUPER_MAGIC,
		0x5346544e, 0x7366746e, 0x3153464a, 0xca451a4e: // NTFS by two drivers, JFS, bcachefs
		return false
	}
	return true
}
