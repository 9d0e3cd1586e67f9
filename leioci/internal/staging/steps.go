package staging

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// moveIfAbsent renames from to to, and fails with fs.ErrExist if to is there. What appears between the two steps
// is not overwritten either: no rename here replaces a directory that holds something.
func moveIfAbsent(from, to string) error {
	if _, err := os.Lstat(to); err == nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: fs.ErrExist}
	}
	return os.Rename(from, to)
}

// asideSuffix ends the name under which exchangeInSteps keeps the old directory for a moment.
const asideSuffix = ".old"

// swapDirs swaps two directories, in one step where that can be done.
func swapDirs(dk disk, a, b string) error {
	err := dk.exchange(a, b)
	if errors.Is(err, errors.ErrUnsupported) {
		return exchangeInSteps(dk, a, b)
	}
	return err
}

// errExchanged is the error of an exchange in steps that was neither finished nor undone: b is the new directory.
var errExchanged = errors.New("the old directory stays beside it")

// exchangeInSteps swaps two directories where no single call can. Between the steps b is absent: a reader then finds
// nothing, never a mixture, and after a crash in that moment the old directory is at a.old, from where the next [New]
// puts it back. If a step fails, the steps before it are undone.
func exchangeInSteps(dk disk, a, b string) error {
	aside := a + asideSuffix
	putBack := func() error {
		if err := dk.rename(aside, b); err != nil {
			return fmt.Errorf("%s stays at %s, until it can be put back: %w", b, aside, err)
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
		if undo := dk.rename(b, a); undo != nil {
			return errors.Join(errExchanged, err, undo)
		}
		return errors.Join(err, putBack())
	}
	return nil
}
