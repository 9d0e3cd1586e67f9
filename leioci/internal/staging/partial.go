package staging

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/lowendinsight/lei-go/leioci/internal/verify"
)

// A Partial is a file beside the target that holds an incomplete download. If this process ends
// first, the next one can continue it. The content is not to be trusted: a crash leaves whatever
// was on the disk by then. The caller must verify all of it, and call [Partial.Reset] if it is
// wrong.
//
// A Partial is not safe for concurrent use, except that [Partial.ReadAt] may be called while another
// goroutine writes.
type Partial struct {
	dir     *Dir
	id      string
	f       file
	path    string
	shared  bool  // outlives the Dir, under a name that others know
	size    int64 // when the file was opened
	written int64 // bytes written since
}

// Partial opens this target's partial file with the given id, such as "sha256-…". An id consists of
// lower-case letters, digits and hyphens.
//
// Only one caller at a time gets the shared file. If another process or goroutine has it, if it is
// not a regular file of this process's user, or if the file system has no locks, the result is a
// private file instead, so that nobody waits. A private file starts empty and is removed with the
// [Dir].
func (d *Dir) Partial(id string) (*Partial, error) {
	if !validID(id) {
		return nil, fmt.Errorf("invalid partial file id %q", id)
	}
	p := &Partial{dir: d, id: id, path: d.names.partialPath(id), shared: true}
	f, err := d.disk.openPartial(p.path)
	if err != nil {
		private, createErr := d.private(id)
		if createErr != nil {
			return nil, errors.Join(err, createErr)
		}
		return private, nil
	}
	p.f = f
	if p.size, err = f.Seek(0, io.SeekEnd); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return p, nil
}

// private creates a private file.
func (d *Dir) private(id string) (*Partial, error) {
	path := filepath.Join(d.path, privatePrefix+rand.Text())
	f, err := d.disk.create(path)
	if err != nil {
		return nil, err
	}
	return &Partial{dir: d, id: id, f: f, path: path}, nil
}

func validID(id string) bool {
	return id != "" && strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// Size returns how many bytes the file had when it was opened, or 0 after [Partial.Reset].
func (p *Partial) Size() int64 { return p.size }

// Content reads those bytes from the start.
func (p *Partial) Content() io.Reader { return io.NewSectionReader(p.f, 0, p.size) }

// All reads all that is in the file, from the start.
func (p *Partial) All() io.Reader { return io.NewSectionReader(p.f, 0, p.size+p.written) }

// Write appends to the file.
func (p *Partial) Write(b []byte) (int, error) {
	n, err := p.f.Write(b)
	p.written += int64(n)
	return n, err
}

// Reset truncates the file to nothing, and removes its pieces that are not open.
func (p *Partial) Reset() error {
	p.dropPieces()
	if err := p.f.Truncate(0); err != nil {
		return err
	}
	_, err := p.f.Seek(0, io.SeekStart)
	p.size, p.written = 0, 0
	return err
}

// closeFirst says that a file must be closed before it is renamed or removed: Windows can do
// neither to an open partial file.
const closeFirst = runtime.GOOS == "windows"

// MoveTo flushes the file and moves it to the given name in the new directory, replacing any file
// with that name. The file, which was this user's alone until now, gets the mode and group of the
// old file with this name. Where the file system refuses that, and where somebody has deleted the
// file, it is copied, until ctx ends. This ends the use of the Partial. After an error the Partial
// must still be closed.
func (p *Partial) MoveTo(ctx context.Context, name string) error {
	to := filepath.Join(p.dir.path, name)
	if err := p.dir.removeFile(to); err != nil {
		return err
	}
	there, err := p.isAt(p.path)
	if err != nil {
		return err
	}
	ok := false
	if there {
		// Flushing may take a while, and others may be able to read the file from adopt on.
		if err := p.dir.passOver(p.f.Sync()); err != nil {
			return err
		}
		if ok, err = p.dir.adopt(p.path, name); err != nil {
			return err
		}
	}
	if ok {
		if err = p.rename(to); err != nil {
			p.hide()
		}
	} else {
		p.hide()
		err = p.copyTo(ctx, name)
	}
	if err != nil {
		return err
	}
	return p.dir.noteFile(name)
}

// hide makes a file that was to be moved this user's alone again: it stays beside the target.
func (p *Partial) hide() {
	if there, err := p.isAt(p.path); err == nil && there {
		_ = p.dir.disk.chmod(p.path, 0o600) // what has no modes has none to lose
	}
}

// isAt reports whether the file at path is this one. Somebody may have deleted it, and another
// process begun its own.
func (p *Partial) isAt(path string) (bool, error) {
	if !p.shared || closeFirst { // nobody else knows it, or can delete it
		return true, nil
	}
	opened, err := p.f.Stat()
	if err != nil {
		return false, err
	}
	now, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(opened, now), err
}

func (p *Partial) rename(to string) error {
	// Flush the mode, too, before the file gets a name in the new directory.
	if err := p.dir.passOver(p.f.Sync()); err != nil {
		return err
	}
	if closeFirst {
		return errors.Join(p.close(), p.dir.disk.rename(p.path, to))
	}
	if err := p.dir.disk.rename(p.path, to); err != nil {
		return err
	}
	if same, err := p.isAt(to); err != nil || !same {
		return errors.Join(err, fmt.Errorf("%s was replaced by another process; try again", p.path))
	}
	return p.close()
}

func (p *Partial) copyTo(ctx context.Context, name string) error {
	w, err := p.dir.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, verify.Until(ctx, p.All()))
	if err := Finish(w, err); err != nil {
		return err
	}
	f := p.f
	p.f = nil
	return p.dir.removeOpen(f, p.path)
}

// Close closes the file. The file is kept for later use, unless it is empty or private. After
// [Partial.MoveTo], [Partial.Remove] or an earlier Close, Close does nothing.
func (p *Partial) Close() error {
	if p.f != nil && p.shared && p.size+p.written > 0 {
		return p.close()
	}
	return p.Remove()
}

// Remove closes the file and removes it.
func (p *Partial) Remove() error {
	if p.f == nil {
		return nil
	}
	f := p.f
	p.f = nil
	return p.dir.removeOpen(f, p.path)
}

func (p *Partial) close() error {
	f := p.f
	p.f = nil
	return f.Close()
}

// removeOpen removes an open file and closes it, in that order where possible, so that nobody else
// can lock it in between. If the file was deleted, and another process has begun its own, that
// stays.
func (d *Dir) removeOpen(f file, path string) error {
	if closeFirst {
		return errors.Join(f.Close(), d.removeFile(path))
	}
	opened, err := f.Stat()
	now, nowErr := os.Lstat(path)
	if err == nil && nowErr == nil && !os.SameFile(opened, now) {
		return f.Close()
	}
	return errors.Join(d.removeFile(path), f.Close())
}
