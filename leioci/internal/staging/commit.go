package staging

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Commit puts the new directory in the target's place and removes the old directory, along with
// this target's partial files that are not in use. The new directory gets the permissions of the
// old. An error before the exchange leaves the target as it was; an error after it says that the
// target was replaced.
//
// Linux and macOS exchange the two directories in one call. Windows and some network file systems
// have no such call: there it takes three renames, and between the first and the second the target
// is absent.
//
// Only one commit at a time runs in a parent directory. Before it changes the target, Commit calls
// allow, and stops if allow fails: what allow sees at the target is what will be replaced. Waiting
// for another commit ends with ctx.
func (d *Dir) Commit(ctx context.Context, allow func() error) error {
	if info, err := os.Stat(d.target); err == nil {
		if err := d.disk.chmod(d.path, info.Mode().Perm()); err != nil {
			return err
		}
	}
	// Flush the names in the new directory before it becomes the target.
	if err := d.disk.syncDir(d.path); err != nil {
		return err
	}
	if err := d.swapUnderLock(ctx, allow); err != nil {
		return err
	}
	if err := d.Discard(); err != nil {
		return d.replacedBut(err)
	}
	return nil
}

// replacedBut wraps an error that comes after the target was replaced.
func (d *Dir) replacedBut(err error) error {
	return fmt.Errorf("%s was replaced, but: %w", d.target, err)
}

// swapUnderLock swaps while holding the parent's lock, so that no other commit or sweep can run.
func (d *Dir) swapUnderLock(ctx context.Context, allow func() error) (err error) {
	unlock, err := lock(ctx, d.names.parent)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if err := allow(); err != nil {
		return err
	}
	if err := d.swap(); err != nil {
		return err
	}
	// Flush the exchange before removing the old directory. If that fails, keep the old directory.
	if err := d.disk.syncDir(d.names.parent); err != nil {
		d.keep = true
		return d.replacedBut(err)
	}
	if err := d.sweep(0); err != nil {
		return d.replacedBut(err)
	}
	return nil
}

// maxAttempts is how often to retry when another process creates or removes something under us.
const maxAttempts = 10

// swap moves the new directory to the target. The old directory, if any, is at d.path afterwards.
func (d *Dir) swap() (err error) {
	for range maxAttempts {
		err = d.disk.rename(d.path, d.target)
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		err = swapDirs(d.disk, d.path, d.target)
		if err == nil {
			return d.recheck()
		}
		if errors.Is(err, errExchanged) {
			d.keep = true
			return d.replacedBut(err)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return explainBusy(d.target, err)
		}
	}
	return err
}

// recheck checks the old directory again before it is removed, and puts it back if somebody
// changed it into something else since New checked it.
func (d *Dir) recheck() error {
	err := d.replaceable.Check(d.path)
	if err == nil {
		return nil
	}
	if undoErr := swapDirs(d.disk, d.path, d.target); undoErr != nil {
		return d.keepForeign(fmt.Errorf("%w: %w", err, undoErr))
	}
	// Flush the move back before removing the new directory's files.
	if syncErr := d.disk.syncDir(d.names.parent); syncErr != nil {
		d.keep = true
		return errors.Join(err, syncErr)
	}
	return err
}

// keepForeign renames a directory that cannot be put back, so that no sweep removes it.
func (d *Dir) keepForeign(err error) error {
	d.keep = true
	to := keptPath(d.target)
	if renameErr := d.disk.rename(d.path, to); renameErr != nil {
		to, err = d.path, errors.Join(err, renameErr)
	}
	return d.replacedBut(fmt.Errorf("the previous directory could not be put back and is now at %s: %w", to, err))
}
