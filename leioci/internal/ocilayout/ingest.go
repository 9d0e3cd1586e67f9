package ocilayout

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/staging"
)

// ingestDir is where files are written before they take their names, and where the lock file is.
// What is in it belongs to those who have it open.
const ingestDir = ".leioci-ingest"

const (
	lockFile      = ingestDir + "/lock"
	privatePrefix = "private-"
	// unlockableAge is how long a file counts as in use where that cannot be determined.
	unlockableAge = 24 * time.Hour
)

// inIngest does something in the directory for incomplete files, which it creates. Another process
// may remove that when it has nothing left to do.
func inIngest(dir string, do func() error) error {
	const most = 10
	var err error
	for range most {
		if err := makeIngest(dir); err != nil {
			return err
		}
		if err = do(); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return err
}

// makeIngest creates that directory. A symbolic link would lead elsewhere.
func makeIngest(dir string) error {
	if err := os.Mkdir(dir, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(dir)
	if err == nil && !info.IsDir() {
		err = &fs.PathError{Op: "mkdir", Path: dir, Err: errors.New("something else than a directory has this name")}
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // removed again
	}
	return err
}

// newFileMode returns the mode that the umask leaves to a new file.
func (w *Writer) newFileMode() (mode fs.FileMode, err error) {
	dir := w.path(ingestDir)
	return mode, inIngest(dir, func() error {
		name := filepath.Join(dir, privatePrefix+rand.Text())
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if err != nil {
			return err
		}
		info, err := f.Stat()
		if err == nil {
			mode = info.Mode().Perm()
		}
		err = errors.Join(err, f.Close())
		if removeErr := os.Remove(name); !errors.Is(removeErr, fs.ErrNotExist) { // a sweep may have come by
			err = errors.Join(err, removeErr)
		}
		return err
	})
}

// sweep removes the incomplete files that nobody uses.
func sweep(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		file := filepath.Join(dir, e.Name())
		f, err := staging.OpenExclusive(file)
		switch {
		case err == nil:
			errs = append(errs, f.Remove())
		case errors.Is(err, errors.ErrUnsupported):
			if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > unlockableAge {
				errs = append(errs, os.Remove(file))
			}
		default: // in use, or not this program's
		}
	}
	return errors.Join(append(errs, removeIfEmpty(dir))...)
}

// removeIfEmpty removes a directory if it is empty. Another process may be using it.
func removeIfEmpty(dir string) error {
	err := os.Remove(dir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) || errors.Is(err, syscall.ENOTEMPTY) {
		return nil
	}
	return err
}
