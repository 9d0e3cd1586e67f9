package ociarchive

import (
	"os"

	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci/internal/staging"
)

// A disk holds every operation of this package that changes the disk. A test can substitute one
// that fails.
type disk interface {
	// openLocked is [staging.OpenLocked].
	openLocked(path string) (staging.LockedFile, error)
	// create creates a new file that only this user may read or write.
	create(path string) (staging.LockedFile, error)
	// makeParents is [staging.MakeDir].
	makeParents(dir string) error
	// adopt is [staging.Adopt].
	adopt(path, target string, log logrus.FieldLogger) error
	// hide undoes what adopt does to the mode.
	hide(path string) error
	// rename replaces a file.
	rename(from, to string) error
	remove(path string) error
	// syncDir is [staging.SyncDir].
	syncDir(path string) error
	// shared is [staging.Shared].
	shared(dir string) bool
}

// osDisk is the operating system's disk.
type osDisk struct{}

func (osDisk) openLocked(path string) (staging.LockedFile, error) { return staging.OpenLocked(path) }

func (osDisk) create(path string) (staging.LockedFile, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
}

func (osDisk) makeParents(dir string) error { return staging.MakeDir(dir) }

func (osDisk) adopt(path, target string, log logrus.FieldLogger) error {
	return staging.Adopt(path, target, log)
}

func (osDisk) hide(path string) error { return os.Chmod(path, 0o600) }

func (osDisk) rename(from, to string) error { return os.Rename(from, to) }

func (osDisk) remove(path string) error { return os.Remove(path) }

func (osDisk) syncDir(path string) error { return staging.SyncDir(path) }

func (osDisk) shared(dir string) bool { return staging.Shared(dir) }
