package staging

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Commit puts the new directory in the target's place and removes the old directory, along with
// this target's partial files that are not in use. The new directory gets the mode and group of the
// old, and its user if this process may do so. An error leaves the target as it was. What goes
// wrong after the exchange, such as the removal of the old directory, is no error: it is logged as
// a warning, and left to a later [New] or [Tidy].
//
// Linux and macOS exchange the two directories in one call. Windows and some network file systems
// have no such call: there it takes three renames, and between the first and the second the target
// is absent. On an overlay file system, as in a container, a directory of the image cannot even be
// renamed: it is copied and removed, file by file.
//
// Before it changes the target, Commit calls allow, and stops if allow fails: what allow sees at
// the target is what will be replaced.
func (d *Dir) Commit(ctx context.Context, allow func() error) error {
	if err := d.prepare(ctx, allow); err != nil {
		return err
	}
	if err := d.swap(ctx); err != nil {
		return err
	}
	d.finish()
	return nil
}

// prepare does what comes before the exchange.
func (d *Dir) prepare(ctx context.Context, allow func() error) error {
	if err := d.checkWhole(); err != nil {
		return err
	}
	if d.old.dir != nil {
		if err := d.imitate(d.path, d.old.dir, d.old.dir.Mode()&modeBits); err != nil {
			return err
		}
	}
	// Flush the names in the new directory before it becomes the target.
	if err := d.syncDir(d.path); err != nil {
		return err
	}
	if err := allow(); err != nil {
		return err
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return d.checkWhole() // again, because allow may take its time
}

// finish does what comes after the exchange. The target is the new directory, whatever fails.
func (d *Dir) finish() {
	d.replaced = true
	// Flush the exchange before removing the old directory. If that fails, keep the old directory.
	err := d.syncDir(d.names.parent)
	if err != nil {
		d.keep = true
		err = fmt.Errorf("after a loss of power, the old directory may come back; it was left at %s: %w", d.path, err)
	} else {
		err = d.sweep(0)
	}
	if err := errors.Join(err, d.Discard()); err != nil {
		d.log.Warnf("%s was replaced, but: %v", d.target, err)
	}
	d.path = "" // whatever is left there is for a later sweep
}

// maxAttempts is how often to retry when another process creates or removes something under us.
const maxAttempts = 10

// swap moves the new directory to the target. The old directory, if any, is at d.path afterwards.
func (d *Dir) swap(ctx context.Context) (err error) {
	for range maxAttempts {
		err = d.disk.rename(d.path, d.target)
		if !errors.Is(err, fs.ErrExist) {
			return d.passOverDone(err)
		}
		err = d.swapDirs(ctx, d.path, d.target)
		if !errors.Is(err, errExchanged) {
			err = d.passOverDone(err)
		}
		if err == nil {
			return d.recheck(ctx)
		}
		if errors.Is(err, errExchanged) {
			d.keep = true
			d.log.Warnf("%s was replaced, but: %v", d.target, err)
			return nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return explainBusy(d.target, err)
		}
	}
	return err
}

// passOverDone turns the error of an exchange into a log entry if the target is the new directory
// nevertheless. A network file system asks again if the server's reply is lost, and then the new
// directory is no longer where it was.
func (d *Dir) passOverDone(err error) error {
	if err == nil || !d.isInPlace() {
		return err
	}
	d.log.Infof("%s was replaced, although the file system says otherwise: %v", d.target, err)
	return nil
}

// isInPlace reports whether the target is the new directory.
func (d *Dir) isInPlace() bool {
	now, err := os.Lstat(d.target)
	if err != nil || !os.SameFile(now, d.made) {
		return false
	}
	left, err := os.Lstat(d.path) // not every file system's numbers tell files apart
	return errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(left, d.made)
}

// recheck checks the old directory again before it is removed, and puts it back if somebody
// changed it into something else since New checked it.
func (d *Dir) recheck(ctx context.Context) error {
	err := d.replaceable.Check(d.path)
	if err == nil {
		return nil
	}
	if undoErr := d.swapDirs(ctx, d.path, d.target); undoErr != nil && d.isInPlace() {
		d.keepForeign(errors.Join(err, undoErr))
		return nil
	}
	// Flush the move back before removing the new directory's files.
	if syncErr := d.syncDir(d.names.parent); syncErr != nil {
		d.keep = true
		return errors.Join(err, syncErr)
	}
	return err
}

// keepForeign renames a directory that cannot be put back, so that no sweep removes it.
func (d *Dir) keepForeign(err error) {
	d.keep = true
	to := keptPath(d.target)
	if renameErr := d.disk.rename(d.path, to); renameErr != nil {
		to, err = d.path, errors.Join(err, renameErr)
	}
	d.log.Warnf("%s was replaced, but the previous directory, which is no snapshot any more, could not be put back and is now at %s: %v",
		d.target, to, err)
}
