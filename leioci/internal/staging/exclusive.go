package staging

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// ErrInUse is returned by [OpenExclusive] for a file that somebody else has open by it.
var ErrInUse = errInUse

// An Exclusive is a file that nobody else can open by [OpenExclusive] until it is closed or the
// process ends.
type Exclusive struct {
	file
	path string
}

// OpenExclusive opens a file for reading and writing from its beginning, and creates it if it is
// absent, for this user alone. Only a regular file of this user's, or of the owner of its directory,
// is opened. The errors: [ErrInUse], and [errors.ErrUnsupported] where files cannot be locked.
func OpenExclusive(path string) (*Exclusive, error) {
	f, err := openPartial(path)
	if err != nil {
		return nil, err
	}
	return &Exclusive{f, path}, nil
}

// CreateExclusive is [OpenExclusive] for a file whose name nobody else knows. Where files cannot be
// locked, it is not locked.
func CreateExclusive(path string) (*Exclusive, error) {
	f, err := OpenExclusive(path)
	if !errors.Is(err, errors.ErrUnsupported) {
		return f, err
	}
	unlocked, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return &Exclusive{unlocked, path}, nil
}

// Remove closes the file and removes it, so that nobody else can lock it in between. If it was
// removed, and another process has begun its own, that stays.
func (e *Exclusive) Remove() error {
	if closeFirst {
		return errors.Join(e.Close(), removeIfThere(e.path))
	}
	there, err := e.isAt(e.path)
	if err == nil && there {
		err = removeIfThere(e.path)
	}
	return errors.Join(err, e.Close())
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// isAt reports whether this is the file at a path.
func (e *Exclusive) isAt(path string) (bool, error) {
	opened, err := e.Stat()
	if err != nil {
		return false, err
	}
	now, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(opened, now), err
}

// Place flushes the file, gives it a mode, and renames it by a function. Then it closes it. After an
// error the file is still open, and where it was. The file system may lack modes, and flushing.
func (e *Exclusive) Place(mode fs.FileMode, rename func() error) error {
	there, err := e.isAt(e.path)
	if err == nil && !there {
		err = &fs.PathError{Op: "rename", Path: e.path, Err: errors.New("removed by another process; try again")}
	}
	if err != nil {
		return err
	}
	if err := os.Chmod(e.path, mode); err != nil && !unable(err) && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	if err := e.Sync(); err != nil && !unable(err) {
		return err
	}
	if closeFirst {
		return errors.Join(e.Close(), rename())
	}
	if err := rename(); err != nil {
		return err
	}
	return e.Close()
}

// SyncDir flushes the names in a directory, where the file system can.
func SyncDir(path string) error {
	err := syncDir(path)
	if unable(err) || errors.Is(err, syscall.EBADF) || errors.Is(err, syscall.EISDIR) {
		return nil
	}
	return err
}

// MakeDir creates a directory and its missing parents, and flushes every name that it creates.
func MakeDir(path string) error { return makeParents(osDisk{}, path) }

// Shared reports whether other hosts may write to the file system of a directory, as far as that can
// be told. Their locks may not be seen here.
func Shared(dir string) bool { return isShared(dir) }
