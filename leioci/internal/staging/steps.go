package staging

import (
	"errors"
	"io/fs"
	"os"
)

// moveIfAbsent renames from to to, and fails with fs.ErrExist if to is there. What appears between the two steps
// is not overwritten either: no rename here replaces a directory.
func moveIfAbsent(from, to string) error {
	if _, err := os.Lstat(to); err == nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: fs.ErrExist}
	}
	return os.Rename(from, to)
}

// exchangeInSteps swaps two directories where no single call can. Between the steps b is absent: a reader then finds
// nothing, never a mixture, and after a crash in that moment the old directory is at a.old. If a step fails, the steps
// before it are undone.
func exchangeInSteps(a, b string) error {
	aside := a + ".old"
	if err := os.Rename(b, aside); err != nil {
		return err
	}
	if err := os.Rename(a, b); err != nil {
		return errors.Join(err, os.Rename(aside, b))
	}
	if err := os.Rename(aside, a); err != nil {
		return errors.Join(err, os.Rename(b, a), os.Rename(aside, b))
	}
	return nil
}
