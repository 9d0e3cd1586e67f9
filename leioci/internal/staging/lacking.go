package staging

import (
	"errors"
	"io/fs"
	"syscall"
)

// unable reports whether err says that a file system lacks an operation, rather than that it failed
// at it. There is no agreement on how to say so: CIFS and vboxsf use EINVAL to refuse flushing a
// directory, FUSE file systems ENOSYS, NFS without a lock server ENOLCK.
func unable(err error) bool {
	for _, lacking := range []error{
		errors.ErrUnsupported, // ENOSYS, ENOTSUP and EOPNOTSUPP
		syscall.EINVAL, syscall.ENOTTY, syscall.ENOLCK,
	} {
		if errors.Is(err, lacking) {
			return true
		}
	}
	return false
}

// passOver turns the error of an operation that the file system lacks into a log entry. The disk is
// then as safe as that file system can make it. An error of an operation that failed, such as EIO,
// stays.
func (d *Dir) passOver(err error) error {
	if err == nil || !unable(err) {
		return err
	}
	d.log.Infof("the file system of %s lacks an operation; continuing without it: %v", d.target, err)
	return nil
}

// passOverRefused is passOver for modes and owners, which protect no data: a file system that has
// none of its own, and one whose owner is another user, refuses to set them with EPERM.
func (d *Dir) passOverRefused(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		d.log.Infof("%s gets another mode or owner than the snapshot before: %v", d.target, err)
		return nil
	}
	return d.passOver(err)
}

// syncDir flushes the names in a directory, where the file system can. Some say that a directory
// that is open for reading is not open for that (EBADF), or that it is a directory.
func (d *Dir) syncDir(path string) error {
	err := d.disk.syncDir(path)
	if errors.Is(err, syscall.EBADF) || errors.Is(err, syscall.EISDIR) {
		err = errors.Join(errors.ErrUnsupported, err)
	}
	return d.passOver(err)
}
