// Package staging replaces a directory as a whole. It fills a new directory beside the target, and
// puts it in the target's place in one step. A reader of the target sees all of the old directory
// or all of the new one.
//
// # After a crash
//
// A crash, too, leaves the target as one of the two. A rename may reach the disk before the data it
// makes visible, so everything is flushed before something else relies on it:
//
//   - a file's content, before the last flush of the new directory's names ([Finish], [Dir.Link],
//     [Partial.MoveTo]);
//   - the new directory's names, before it takes the target's place;
//   - the parent's names, which record the exchange, before the old directory's files are removed.
//
// # What is beside the target
//
// The new directory, .leioci-staging-…, and a file for every download in progress,
// .leioci-partial-…, are in the target's parent, because a rename cannot cross file systems. Their
// names identify the target they belong to. A killed process leaves them behind. The next [New] for
// that target removes the directories that are not in use. [Dir.Partial] continues the partial
// files, and the next [Dir.Commit] removes the rest of them.
//
// In use means locked, and a lock ends with its process. Where directories cannot be locked, on
// Windows and on some network file systems, a directory is left alone for a day after it was
// created and last written to.
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

// A Dir is a new directory that is to replace its target. Its methods may be called concurrently
// for different files.
type Dir struct {
	disk        disk
	names       names
	path        string // of the new directory, beside the target
	target      string
	replaceable Replaceable
	dirLock     io.Closer // the lock on the new directory
	keep        bool      // do not remove path: it may be the only copy of the former target
}

// New creates an empty directory beside target, to be filled and then committed. The target must be
// absent or replaceable ([Replaceable.Check]), and must not be the working directory. Missing parents of
// the target are created. If target is a symbolic link, the directory it points to is the target.
//
// First, New removes what killed processes left beside this target. If one was killed in the middle
// of an exchange in steps (see [Dir.Commit]), New puts the old directory back. New waits for
// commits in the same parent, until ctx ends.
func New(ctx context.Context, target string, replaceable Replaceable) (*Dir, error) {
	return newOn(ctx, osDisk{}, target, replaceable)
}

func newOn(ctx context.Context, dk disk, target string, replaceable Replaceable) (*Dir, error) {
	target, err := resolve(target)
	if err != nil {
		return nil, err
	}
	d := &Dir{disk: dk, names: namesOf(target), target: target, replaceable: replaceable}
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

// begin creates the new directory if the target may be replaced. The caller holds the parent's
// lock.
func (d *Dir) begin() error {
	if err := d.sweep(partialAge); err != nil {
		return err
	}
	if err := d.replaceable.Check(d.target); err != nil {
		return err
	}
	if isWorkingDir(d.target) {
		return refuse(d.target, workingDirAdvice)
	}
	return d.make()
}

// make creates the new directory and locks it before a sweep can see it.
func (d *Dir) make() error {
	path := d.names.newStage(time.Now())
	if err := d.disk.mkdir(path); err != nil {
		return err
	}
	d.path = path
	dirLock, err := lockNewDir(path)
	d.dirLock = dirLock
	return err
}

// Path returns the path of the new directory until it is committed.
func (d *Dir) Path() string { return d.path }

// Create creates a file in the new directory, replacing any file with that name. Complete it with
// [Finish].
func (d *Dir) Create(name string) (File, error) {
	path := filepath.Join(d.path, name)
	if err := d.removeFile(path); err != nil {
		return nil, err
	}
	return d.disk.create(path)
}

// Finish completes a file: it flushes the file to disk and closes it. err is the result of the
// writing. Finish returns the first error of writing, flushing and closing. After a failed write it
// does not flush.
func Finish(f File, err error) error {
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// Discard removes the new directory and its files. After a successful [Dir.Commit] there is nothing
// left to remove. Shared partial files stay. Close this Dir's partial files first.
func (d *Dir) Discard() error {
	if d.keep || d.path == "" {
		return d.release()
	}
	return errors.Join(d.clear(d.path), d.release())
}

// release gives up the lock on the new directory.
func (d *Dir) release() error {
	if d.dirLock == nil {
		return nil
	}
	dirLock := d.dirLock
	d.dirLock = nil
	return dirLock.Close()
}

// clear removes a directory and its files. It fails, and removes nothing, if the directory contains
// an unexpected entry. The directory may have the permissions of the target, which need not allow
// removal, so clear changes them.
func (d *Dir) clear(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if name := d.replaceable.unexpected(entries); name != "" {
		return &fs.PathError{
			Op: "remove", Path: filepath.Join(dir, name), Err: errors.New("unexpected file, left in place"),
		}
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

// removeFile removes a file or an empty directory that a sweep may have removed already.
func (d *Dir) removeFile(path string) error {
	if err := d.disk.remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
