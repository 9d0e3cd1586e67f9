package staging

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strings"
)

// A Partial is a file beside the target in which a download grows, and which is there for the next process if this one
// ends before it is complete. It may hold anything: a crash leaves what was on the disk by then. Whoever uses it
// verifies the whole, and calls [Partial.Reset] if it is not right.
//
// Its methods are not to be called at once.
type Partial struct {
	dir    *Dir
	f      file
	path   string
	shared bool  // it survives, and others know its name
	size   int64 // when it was opened
	grown  int64 // since
}

// Partial opens the partial file of this target with an id, such as "sha256-…": lower-case letters, digits and hyphens.
//
// One at a time has it. If another process or goroutine does, or if it is not a regular file of this process's user,
// or if the file system has no locks, the result is a private file, empty and gone with the [Dir], so that nobody waits.
func (d *Dir) Partial(id string) (*Partial, error) {
	if id == "" || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return nil, fmt.Errorf("%q is no name for a partial file", id)
	}
	p := &Partial{dir: d, path: d.names.partialPath(id), shared: true}
	f, err := d.disk.openPartial(p.path)
	if err != nil {
		p.path, p.shared = filepath.Join(d.path, privatePrefix+rand.Text()), false
		var perr error
		if f, perr = d.disk.create(p.path); perr != nil {
			return nil, errors.Join(err, perr)
		}
	}
	p.f = f
	if p.size, err = f.Seek(0, io.SeekEnd); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return p, nil
}

// Size returns how many bytes were there when the file was opened; none after [Partial.Reset].
func (p *Partial) Size() int64 { return p.size }

// Content reads those bytes, from the first.
func (p *Partial) Content() io.Reader { return io.NewSectionReader(p.f, 0, p.size) }

// Write appends.
func (p *Partial) Write(b []byte) (int, error) {
	n, err := p.f.Write(b)
	p.grown += int64(n)
	return n, err
}

// Reset discards everything: the file is empty.
func (p *Partial) Reset() error {
	if err := p.f.Truncate(0); err != nil {
		return err
	}
	_, err := p.f.Seek(0, io.SeekStart)
	p.size, p.grown = 0, 0
	return err
}

// closeFirst: Windows neither renames nor removes a file that is open like this one.
const closeFirst = runtime.GOOS == "windows"

// MoveTo flushes the file and makes it the file of that name in the new directory, in place of one that is there.
// That ends the Partial. After an error it is as it was, and to be closed.
func (p *Partial) MoveTo(name string) error {
	to := filepath.Join(p.dir.path, name)
	if err := p.dir.removeFile(to); err != nil {
		return err
	}
	// The content, before it has a name in the new directory.
	if err := p.f.Sync(); err != nil {
		return err
	}
	if closeFirst {
		return errors.Join(p.close(), p.dir.disk.rename(p.path, to))
	}
	if err := p.dir.disk.rename(p.path, to); err != nil {
		return err
	}
	return p.close()
}

// Close ends the use of the file. It stays for the next one, unless it is empty or private. After [Partial.MoveTo], and
// the second time, Close does nothing.
func (p *Partial) Close() error {
	if p.f == nil {
		return nil
	}
	if p.shared && p.size+p.grown > 0 {
		return p.close()
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

// removeOpen removes an open file and closes it, if it can be in that order: then nobody else gets hold of it.
func (d *Dir) removeOpen(f file, path string) error {
	if closeFirst {
		return errors.Join(f.Close(), d.removeFile(path))
	}
	return errors.Join(d.removeFile(path), f.Close())
}
