// Package staging replaces a directory as a whole: it fills a new one beside the target, and puts it in the target's
// place in one step. Whoever looks at the target sees all of the old directory or all of the new one.
//
// # After a crash
//
// The target is one of the two after a crash, too. A rename may reach the disk before the data it makes visible, so
// everything is flushed before something else relies on it: a file's content before its name is in the new directory's
// last flush ([Finish], [Dir.Link], [Partial.MoveTo]), the new directory's names before it takes the target's place, and
// the parent's names, which say that it did, before the old directory's files are removed.
//
// # What is beside the target
//
// The new directory, .leioci-staging-…, and a file for every download that is under way, .leioci-partial-…, are in the
// target's parent, because a rename does not leave its file system. Their names tell one target from another. A process
// that is killed leaves them there. The next [New] for that target removes the directories that nobody uses, and picks
// up the partial files ([Dir.Partial]); the next [Dir.Commit] removes the rest of those.
//
// In use means locked: a lock ends with its process. Where directories cannot be locked, on Windows and on some network
// file systems, a directory is left alone until a day after it was begun and last written to.
package staging

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// A Dir is a directory on its way to its target's place. Its methods may be called at once for different files.
type Dir struct {
	disk   disk
	names  names
	path   string // of the new directory, beside the target
	target string
	kind   Kind
	held   io.Closer // the lock on the new directory
	keep   bool      // path holds what may be the only copy of what was the target
}

// New makes an empty directory beside target, which must be absent or replaceable ([Kind.Check]), and not the working
// directory; the target's parents are made if need be. If target is a symbolic link, the directory it points to is the target.
//
// Before, it removes what killed processes left beside this target, and if one was killed in the middle of an exchange
// in steps (see [Dir.Commit]), it puts the old directory back. It waits for commits into the same parent, until ctx ends.
func New(ctx context.Context, target string, kind Kind) (*Dir, error) {
	return newOn(ctx, osDisk{}, target, kind)
}

func newOn(ctx context.Context, dk disk, target string, kind Kind) (*Dir, error) {
	target, err := resolve(target)
	if err != nil {
		return nil, err
	}
	d := &Dir{disk: dk, names: namesOf(target), target: target, kind: kind}
	if err := makeParents(dk, d.names.parent); err != nil {
		return nil, err
	}
	unlock, err := lock(ctx, d.names.parent)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(d.begin(), unlock()); err != nil {
		return nil, errors.Join(err, d.Discard())
	}
	return d, nil
}

// begin makes the new directory, if the target is fit to be replaced, while nobody else is at it.
func (d *Dir) begin() error {
	if err := d.sweep(partialAge); err != nil {
		return err
	}
	if err := d.kind.Check(d.target); err != nil {
		return err
	}
	if isWorkingDir(d.target) {
		return refuse(d.target, "it is the working directory, which this process would keep in its old place; use another")
	}
	return d.make()
}

// make makes the new directory and locks it, before a sweep can see it.
func (d *Dir) make() error {
	path := d.names.newStage(time.Now())
	if err := d.disk.mkdir(path); err != nil {
		return err
	}
	d.path = path
	held, err := holdDir(path)
	d.held = held
	return err
}

// Path returns where the new directory is until it is committed.
func (d *Dir) Path() string { return d.path }

// Create makes a file in the new directory, in place of one of that name. [Finish] ends the writing.
func (d *Dir) Create(name string) (File, error) {
	path := filepath.Join(d.path, name)
	if err := d.removeFile(path); err != nil {
		return nil, err
	}
	return d.disk.create(path)
}

// Finish flushes a file to the disk and closes it, and returns the first error of the two and of err,
// which is how the writing went.
func Finish(f File, err error) error {
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// Discard removes what is left in the new directory; after a [Dir.Commit] that succeeded there is nothing. Partial
// files stay. Those of this Dir must be closed before.
func (d *Dir) Discard() error {
	if d.keep || d.path == "" {
		return d.release()
	}
	return errors.Join(d.clear(d.path), d.release())
}

// release gives up the lock on the new directory.
func (d *Dir) release() error {
	if d.held == nil {
		return nil
	}
	held := d.held
	d.held = nil
	return held.Close()
}

// clear removes a directory and its files, and nothing that is not of the kind: then it is an error. The directory may
// have the permissions of the target, which need not allow that.
func (d *Dir) clear(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if name := d.kind.stranger(entries); name != "" {
		return &fs.PathError{Op: "remove", Path: filepath.Join(dir, name), Err: errors.New("it was not expected there, and stays")}
	}
	if err := d.disk.chmod(dir, 0o700); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if err := d.removeFile(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return d.removeFile(dir)
}

// removeFile removes what may be gone already, because a sweep was there.
func (d *Dir) removeFile(path string) error {
	if err := d.disk.remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
