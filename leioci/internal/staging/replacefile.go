package staging

import (
	"crypto/rand"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sirupsen/logrus"
)

// A LockedFile is a file that nobody else has, open for reading and writing. Other than an
// [Exclusive], it may have a ReadFrom method, by which the file system copies.
type LockedFile interface {
	io.WriteSeeker
	io.ReaderAt
	io.Closer
	Sync() error
	Stat() (fs.FileInfo, error)
	Truncate(size int64) error
}

// OpenLocked is [OpenExclusive] without the methods of [Exclusive].
func OpenLocked(path string) (LockedFile, error) { return openPartial(path) }

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

// Unable reports whether err says that a file system lacks an operation, rather than that it failed
// at it.
func Unable(err error) bool { return err != nil && unable(err) }
