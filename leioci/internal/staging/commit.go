package staging

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Commit puts the new directory in the target's place and removes what was there, and the partial files of this target
// that nobody uses. The new directory gets the permissions of the old. An error that comes before the exchange leaves
// the target as it was; one that comes after it says so.
//
// Linux and macOS exchange the two directories in one call. Windows and some network file systems have none: there it
// takes three renames, and between the first and the second the target is absent.
//
// One commit at a time goes into a parent directory. Before it changes anything it calls allow, whose error ends it:
// what allow sees at the target is what will be replaced. Waiting for another commit ends with ctx.
func (d *Dir) Commit(ctx context.Context, allow func() error) error {
	if info, err := os.Stat(d.target); err == nil {
		if err := d.disk.chmod(d.path, info.Mode().Perm()); err != nil {
			return err
		}
	}
	// The names in the new directory, before it is the target.
	if err := d.disk.syncDir(d.path); err != nil {
		return err
	}
	if err := d.swapAlone(ctx, allow); err != nil {
		return err
	}
	if err := d.Discard(); err != nil {
		return d.replacedBut(err)
	}
	return nil
}

func (d *Dir) replacedBut(err error) error {
	return fmt.Errorf("%s was replaced, but: %w", d.target, err)
}

// swapAlone swaps while no other commit and no sweep can.
func (d *Dir) swapAlone(ctx context.Context, allow func() error) (err error) {
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
	// The exchange, before the old directory is removed. If that cannot be said, the old one stays.
	if err := d.disk.syncDir(d.names.parent); err != nil {
		d.keep = true
		return d.replacedBut(err)
	}
	if err := d.sweep(0); err != nil {
		return d.replacedBut(err)
	}
	return nil
}

// attempts is how often something may come or go under our hands before that is an error.
const attempts = 10

// swap moves the new directory to the target. Where there was one, it is at d.path afterwards.
func (d *Dir) swap() (err error) {
	for range attempts {
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
	if back := swapDirs(d.disk, d.path, d.target); back != nil {
		return d.keepForeign(fmt.Errorf("%w: %w", err, back))
	}
	// That it is back, before the new directory's files are removed.
	if ferr := d.disk.syncDir(d.names.parent); ferr != nil {
		d.keep = true
		return errors.Join(err, ferr)
	}
	return err
}

// keepForeign gives what cannot be put back a name that no sweep looks at.
func (d *Dir) keepForeign(err error) error {
	d.keep = true
	to := kept(d.target)
	if moved := d.disk.rename(d.path, to); moved != nil {
		to, err = d.path, errors.Join(err, moved)
	}
	return d.replacedBut(fmt.Errorf("what was there could not be put back and is now at %s: %w", to, err))
}
