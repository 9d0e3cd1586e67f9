package ocilayout

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

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

// A partial is a file for a blob. It implements [store.Partial].
type partial struct {
	*staging.Exclusive
	name   string // within the layout
	size   int64  // when it was opened
	shared bool   // is kept for a later Writer
}

// openPartial opens the file for a blob that is incomplete. If somebody else has it open, or if it
// cannot be used, the result is another file, which is not kept.
func (w *Writer) openPartial(digest v1.Hash) (*partial, error) {
	name := path.Join(ingestDir, digest.Algorithm+"-"+digest.Hex)
	var f *staging.Exclusive
	err := inIngest(w.path(ingestDir), func() (err error) {
		f, err = staging.OpenExclusive(w.path(name))
		return err
	})
	if err != nil {
		if !errors.Is(err, staging.ErrInUse) {
			w.log.Infof("cannot continue %s: %v", w.path(name), err)
		}
		return w.openPrivate()
	}
	p := &partial{Exclusive: f, name: name, shared: true}
	if p.size, err = f.Seek(0, io.SeekEnd); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return p, nil
}

// openPrivate opens a new file. A sweep may come by before it is locked; then it opens another.
func (w *Writer) openPrivate() (*partial, error) {
	const most = 10
	var p *partial
	var err error
	for range most {
		name := path.Join(ingestDir, privatePrefix+rand.Text())
		err = inIngest(w.path(ingestDir), func() error {
			f, err := staging.CreateExclusive(w.path(name))
			p = &partial{Exclusive: f, name: name}
			return err
		})
		if !errors.Is(err, staging.ErrInUse) {
			break
		}
	}
	return p, err
}

// Size implements [store.Partial].
func (p *partial) Size() int64 { return p.size }

// Content implements [store.Partial].
func (p *partial) Content() io.Reader { return io.NewSectionReader(p, 0, p.size) }

// Reset implements [store.Partial].
func (p *partial) Reset() error {
	p.size = 0
	if err := p.Truncate(0); err != nil {
		return err
	}
	_, err := p.Seek(0, io.SeekStart)
	return err
}

// leave closes the file and keeps it for a later Writer, if that can use it.
func (p *partial) leave() error {
	info, err := p.Stat()
	if err == nil && p.shared && info.Size() > 0 {
		return p.Close()
	}
	return errors.Join(err, p.Remove())
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
