package staging

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// moveIfAbsent renames from to to, and fails with fs.ErrExist if to exists. A directory with files
// that appears between the check and the rename is not overwritten either: no rename used here
// replaces a directory that is not empty.
func moveIfAbsent(from, to string) error {
	if _, err := os.Lstat(to); err == nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: fs.ErrExist}
	}
	return os.Rename(from, to)
}

// asideSuffix ends the name to which exchangeInSteps moves the old directory temporarily.
const asideSuffix = ".old"

// swapDirs swaps two directories, in one step where possible. b is the target.
func (d *Dir) swapDirs(ctx context.Context, a, b string) error {
	err := d.disk.exchange(a, b)
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EXDEV) {
		err = exchangeInSteps(d.disk, a, b)
	}
	if errors.Is(err, syscall.EXDEV) { // not for being on two file systems: both are in one directory
		return d.exchangeByFiles(ctx, a, b)
	}
	return err
}

// errExchanged is returned for an exchange in steps that was neither finished nor undone: b is the
// new directory.
var errExchanged = errors.New("the old directory was left beside it")

// exchangeInSteps swaps two directories where no single call can. Between the first two steps b is
// absent: a reader finds nothing, but never a mixture. After a crash at that point the old
// directory is at a.old, and the next [New] puts it back. If a step fails, the steps before it are
// undone.
func exchangeInSteps(dk disk, a, b string) error {
	aside := a + asideSuffix
	putBack := func() error {
		if err := dk.rename(aside, b); err != nil {
			return fmt.Errorf("%s is left at %s until it can be put back: %w", b, aside, err)
		}
		return nil
	}
	if err := dk.rename(b, aside); err != nil {
		return err
	}
	if err := dk.rename(a, b); err != nil {
		return errors.Join(err, putBack())
	}
	if err := dk.rename(aside, a); err != nil {
		if undoErr := dk.rename(b, a); undoErr != nil {
			return errors.Join(errExchanged, err, undoErr)
		}
		return errors.Join(err, putBack())
	}
	return nil
}
