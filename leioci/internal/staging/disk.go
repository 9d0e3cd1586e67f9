package staging

import (
	"io"
	"io/fs"
	"os"
)

// A disk is everything here that changes something on the disk, so that a test can put one under it that fails, or
// that forgets what was not flushed.
type disk interface {
	mkdir(path string) error
	// create makes a file that is not there yet, open for writing.
	create(path string) (file, error)
	// openPartial opens a file for reading and writing, at its beginning, made if it is absent, for this one holder:
	// errInUse if it has another, errors.ErrUnsupported where that cannot be known.
	openPartial(path string) (file, error)
	// rename replaces nothing: fs.ErrExist if to is there, even if it is an empty directory.
	rename(from, to string) error
	// exchange swaps two directories in one step, or is errors.ErrUnsupported.
	exchange(a, b string) error
	link(from, to string) error
	remove(path string) error
	chmod(path string, perm fs.FileMode) error
	// syncFile flushes the content of a file.
	syncFile(path string) error
	// syncDir flushes the names in a directory: flushing a file does not flush its name.
	syncDir(path string) error
}

// A File is being written into the new directory. [Finish] ends the writing.
type File interface {
	io.WriteCloser
	Sync() error
}

type file interface {
	File
	io.ReaderAt
	io.Seeker
	Truncate(size int64) error
}

// osDisk is the disk of the operating system.
type osDisk struct{}

func (osDisk) mkdir(path string) error { return os.Mkdir(path, 0o755) }

func (osDisk) create(path string) (file, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
}

func (osDisk) openPartial(path string) (file, error) { return openPartial(path) }

func (osDisk) rename(from, to string) error { return moveNew(from, to) }

func (osDisk) exchange(a, b string) error { return exchange(a, b) }

func (osDisk) link(from, to string) error { return os.Link(from, to) }

func (osDisk) remove(path string) error { return os.Remove(path) }

func (osDisk) chmod(path string, perm fs.FileMode) error { return os.Chmod(path, perm) }

// The file is opened for writing because Windows flushes no other.
func (osDisk) syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return Finish(f, nil)
}

func (osDisk) syncDir(path string) error { return syncDir(path) }
