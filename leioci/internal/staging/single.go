package staging

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/sirupsen/logrus"
)

// What follows is for packages that replace a single file by one beside it.

// ErrInUse is returned for a file that someone else holds.
var ErrInUse = errInUse

// A LockedFile is a file that nobody else has, open for reading and writing.
type LockedFile interface {
	io.WriteSeeker
	io.ReaderAt
	io.Closer
	Sync() error
	Stat() (fs.FileInfo, error)
	Truncate(size int64) error
}

// OpenLocked opens a file of this user's alone and locks it until it is closed or the process ends.
// It creates the file if it is absent. The errors: [ErrInUse], [errors.ErrUnsupported] where there
// are no locks, and others for what must not be used, such as the file of another user.
func OpenLocked(path string) (LockedFile, error) { return openPartial(path) }

// MakeParents creates a directory and any missing parents, and flushes their names.
func MakeParents(dir string) error { return makeParents(osDisk{}, dir) }

// Adopt gives a file the mode and group, and if possible the owner, of the file that it is to
// replace, or else what the file system gives to a new file there. What another user may have put
// there is no example; see [New]. To log goes what the file system refuses.
func Adopt(path, target string, log logrus.FieldLogger) error {
	parent := filepath.Dir(target)
	d := &Dir{disk: osDisk{}, log: log, names: names{parent: parent}, target: target}
	parentInfo, err := os.Stat(parent)
	if err != nil {
		return err
	}
	var like fs.FileInfo
	if info, err := os.Lstat(target); err == nil && info.Mode().IsRegular() && placed(info, parentInfo) {
		like = example(info, parentInfo)
	} else if like, err = d.newFile(filepath.Join(parent, privatePrefix+rand.Text())); err != nil {
		return err
	}
	return d.imitate(path, like, like.Mode()&modeBits)
}

// SyncDir flushes the names in a directory, where the file system can.
func SyncDir(path string) error {
	err := syncDir(path)
	if Unable(err) || errors.Is(err, syscall.EBADF) || errors.Is(err, syscall.EISDIR) {
		return nil
	}
	return err
}

// Unable reports whether err says that a file system lacks an operation, rather than that it failed
// at it.
func Unable(err error) bool { return err != nil && unable(err) }

// Shared reports whether other hosts may write to the file system of a directory, as far as that can
// be told. Their locks may not be seen here.
func Shared(dir string) bool { return isShared(dir) }
