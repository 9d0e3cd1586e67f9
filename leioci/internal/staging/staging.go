// Package staging replaces a directory as a whole: it fills a new one beside the target, and puts it in the target's
// place in one step. Whoever looks at the target sees all of the old directory or all of the new one.
//
// After a crash the target is one of the two as well: files and directories are flushed before they take each other's
// place, because a rename may reach the disk before the data it makes visible.
package staging

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// A Dir is a directory on its way to its target's place.
type Dir struct {
	path   string // of the new directory, beside the target
	target string
	kind   Kind
	keep   bool // path holds what was the target and could not be put back
}

// New makes an empty directory beside target, which must be absent or replaceable ([Kind.Check]), and not the working
// directory; the target's parents are made if need be. If target is a symbolic link, the directory it points to is the target.
func New(target string, kind Kind) (*Dir, error) {
	if target == "" {
		return nil, errors.New("no target directory is named")
	}
	target, err := resolve(target)
	if err != nil {
		return nil, err
	}
	if err := kind.Check(target); err != nil {
		return nil, err
	}
	if isWorkingDir(target) {
		return nil, refuse(target, "it is the working directory, which this process would keep in its old place; use another")
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return nil, err
	}
	path := filepath.Join(filepath.Dir(target), ".leioci-staging-"+rand.Text())
	if err := os.Mkdir(path, 0o755); err != nil {
		return nil, err
	}
	return &Dir{path: path, target: target, kind: kind}, nil
}

// resolve returns the absolute path of a target, following a symbolic link to the directory that would be replaced.
func resolve(target string) (string, error) {
	target, err := filepath.Abs(target)
	if err != nil {
		return "", err
	}
	info, err := os.Lstat(target)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		to, err := filepath.EvalSymlinks(target)
		if errors.Is(err, fs.ErrNotExist) {
			return "", refuse(target, "it is a symbolic link to nothing")
		}
		return to, err
	}
	return target, nil // what else is wrong with it is for Check to say
}

// isWorkingDir reports whether dir is where this process is. After an exchange it would be in the old directory, deleted.
func isWorkingDir(dir string) bool {
	here, err := os.Stat(".")
	if err != nil {
		return false
	}
	there, err := os.Stat(dir)
	return err == nil && os.SameFile(here, there)
}

// Path returns where the new directory is until it is committed.
func (d *Dir) Path() string { return d.path }

// Create makes a file in the new directory, in place of one of that name. [Finish] ends the writing.
func (d *Dir) Create(name string) (*os.File, error) {
	path := filepath.Join(d.path, name)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
}

// Finish flushes a file to the disk and closes it, and returns the first error of the two and of err,
// which is how the writing went.
func Finish(f *os.File, err error) error {
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// Commit puts the new directory in the target's place and removes what was there. The new directory gets the
// permissions of the old. An error that comes before the exchange leaves the target as it was; one that comes
// after it says so.
//
// One commit at a time goes into a parent directory. Before it changes anything it calls allow, whose error ends it:
// what allow sees at the target is what will be replaced. Waiting for another commit ends with ctx.
func (d *Dir) Commit(ctx context.Context, allow func() error) error {
	if info, err := os.Stat(d.target); err == nil {
		if err := os.Chmod(d.path, info.Mode().Perm()); err != nil {
			return err
		}
	}
	if err := syncDir(d.path); err != nil {
		return err
	}
	if err := d.swapAlone(ctx, allow); err != nil {
		return err
	}
	if err := errors.Join(syncDir(filepath.Dir(d.target)), d.remove()); err != nil {
		return fmt.Errorf("%s was replaced, but: %w", d.target, err)
	}
	return nil
}

// Discard removes what is left beside the target; after a [Dir.Commit] that succeeded there is nothing.
func (d *Dir) Discard() error {
	if d.keep {
		return nil
	}
	return d.remove()
}

// remove removes what is beside the target. It may have the permissions of the target, which need not allow that.
func (d *Dir) remove() error {
	err := os.Chmod(d.path, 0o700)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return errors.Join(err, os.RemoveAll(d.path))
}

// swapAlone swaps while no other commit can.
func (d *Dir) swapAlone(ctx context.Context, allow func() error) (err error) {
	unlock, err := lock(ctx, filepath.Dir(d.target))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if err := allow(); err != nil {
		return err
	}
	return d.swap()
}

// attempts is how often swap may find that the target came or went under its hands.
const attempts = 10

// swap moves the new directory to the target. Where there was one, it is at d.path afterwards.
func (d *Dir) swap() (err error) {
	for range attempts {
		err = moveNew(d.path, d.target)
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		err = exchange(d.path, d.target)
		if err == nil {
			return d.recheck()
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return busy(d.target, err)
		}
	}
	return err
}

// recheck looks at what was taken out of the target's place, before it is removed, and puts it back
// if somebody turned it into something else since New looked.
func (d *Dir) recheck() error {
	err := d.kind.Check(d.path)
	if err == nil {
		return nil
	}
	if back := exchange(d.path, d.target); back != nil {
		d.keep = true
		return fmt.Errorf("%w; what was there is now at %s: %w", err, d.path, back)
	}
	return err
}
