package leioci

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// adviseDisk adds to an error of the disk, on the way into dir, what to do about it.
func adviseDisk(dir string, err error) error {
	switch {
	case errors.Is(err, ErrTargetNotEmpty): // says it itself
		return err
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w (this user must be able to read %s, and to write to the directory that holds it)", err, dir)
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w (a new snapshot is made beside %s: use a directory on a file system that can be written to)", err, dir)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w (a new snapshot is beside %s until it replaces it: make room there for both; "+
			"what has come is kept in the .leioci-partial- files there, for the next pull, and may be deleted)", err, dir)
	case errors.Is(err, syscall.EFBIG):
		return fmt.Errorf("%w (the file system of %s, or a limit of this process such as ulimit -f, allows no file of this size)", err, dir)
	}
	return err
}
