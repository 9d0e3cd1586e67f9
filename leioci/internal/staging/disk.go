package staging

import (
	"io"
	"io/fs"
	"os"
)

// A disk holds every operation of this package that changes the disk. A test can substitute one
// that fails, or one that loses what was not flushed.
type disk interface {
	// mkdir creates a directory with these permissions, less those of the umask.
	mkdir(path string, perm fs.FileMode) error
	// create creates a new file, open for reading and writing, with the permissions that the umask
	// leaves. The file must not exist.
	create(path string) (file, error)
	// openPartial opens a file exclusively, for reading and writing from its beginning, and creates
	// it if it is absent. It returns errInUse if someone else has it open, and
	// errors.ErrUnsupported where that cannot be determined.
	openPartial(path string) (file, error)
	// rename never replaces: it returns fs.ErrExist if to exists, even as an empty directory.
	rename(from, to string) error
	// exchange swaps two directories in one step, or returns errors.ErrUnsupported.
	exchange(a, b string) error
	link(from, to string) error
	remove(path string) error
	chmod(path string, mode fs.FileMode) error
	// chown changes the user, unless it is -1, and the group.
	chown(path string, user, group int) error
	// shared reports whether other hosts may write to the file system of a directory.
	shared(dir string) bool
	// syncFile flushes the content of a file.
	syncFile(path string) error
	// syncDir flushes the names in a directory. Flushing a file does not flush its name.
	syncDir(path string) error
}

// A File is a file being written into the new directory. Complete it with [Finish].
type File interface {
	io.WriteCloser
	Sync() error
}

type file interface {
	File
	io.ReaderAt
	io.Seeker
	Stat() (fs.FileInfo, error)
	Truncate(size int64) error
}

// osDisk is the operating system's disk.
type osDisk struct{}

func (osDisk) mkdir(path string, perm fs.FileMode) error { return os.Mkdir(path, perm) }

func (osDisk) create(path string) (file, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
}

func (osDisk) openPartial(path string) (file, error) { return openPartial(path) }

func (osDisk) rename(from, to string) error { return moveNew(from, to) }

func (osDisk) exchange(a, b string) error { return exchange(a, b) }

func (osDisk) link(from, to string) error { return os.Link(from, to) }

func (osDisk) remove(path string) error { return os.Remove(path) }

func (osDisk) chmod(path string, mode fs.FileMode) error { return os.Chmod(path, mode) }

func (osDisk) chown(path string, user, group int) error { return os.Lchown(path, user, group) }

func (osDisk) shared(dir string) bool { return isShared(dir) }

// The file is opened for writing because Windows flushes only files that are.
func (osDisk) syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return Finish(f, nil)
}

func (osDisk) syncDir(path string) error { return syncDir(path) }
