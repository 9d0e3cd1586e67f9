package staging

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// resolve returns the absolute path of a target, following a symbolic link to the directory that would be replaced.
func resolve(target string) (string, error) {
	if target == "" {
		return "", errors.New("no target directory is named")
	}
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

// makeParents makes dir and what is missing above it, and flushes every name it makes: a target is as durable as the
// path to it. (A process that is killed between the two leaves a name that only the file system flushes, in its time.)
func makeParents(dk disk, dir string) error {
	info, err := os.Stat(dir)
	if err == nil && info.IsDir() {
		return nil
	}
	if err == nil {
		return &fs.PathError{Op: "mkdir", Path: dir, Err: errors.New("a file of this name is there")}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	above := filepath.Dir(dir)
	if err := makeParents(dk, above); err != nil {
		return err
	}
	if err := dk.mkdir(dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return dk.syncDir(above)
}
