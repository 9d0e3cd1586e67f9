package staging

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// resolve returns the absolute path of the directory to be replaced. If target is a symbolic link,
// resolve follows it.
func resolve(target string) (string, error) {
	if target == "" {
		return "", errors.New("no target directory given")
	}
	target = Absolute(target)
	info, err := os.Lstat(target)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		to, err := filepath.EvalSymlinks(target)
		if errors.Is(err, fs.ErrNotExist) {
			return "", refuse(target, "dangling symbolic link")
		}
		return to, err
	}
	return target, nil // Check reports other problems
}

// Locate returns the absolute path of the directory to be replaced, which stays the same if the
// working directory or a symbolic link changes. What New would refuse is not resolved.
func Locate(target string) string {
	if to, err := resolve(target); err == nil {
		return to
	}
	return Absolute(target)
}

// Absolute returns the absolute path of a directory, or an empty path for an empty one. After a
// symbolic link, ".." is the parent of what that points to, as for everybody who opens the same
// path; [filepath.Abs] takes it for the directory that the link is in.
func Absolute(path string) string {
	if path == "" {
		return ""
	}
	elements := strings.Split(path, "/")
	rest := len(elements) // where what follows the last ".." begins
	for rest > 0 && elements[rest-1] != ".." {
		rest--
	}
	if rest > 0 && runtime.GOOS != "windows" { // which itself takes it as filepath.Abs does
		if up, err := filepath.EvalSymlinks(strings.Join(elements[:rest], "/")); err == nil {
			path = filepath.Join(up, strings.Join(elements[rest:], "/"))
		}
	}
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return path
}

// workingDirAdvice says what to do about a target that is the working directory.
const workingDirAdvice = "replacing the working directory would leave this process in the deleted old one; " +
	"use another directory"

// isWorkingDir reports whether dir is the working directory. An exchange would leave the process in
// the old directory, which is then deleted.
func isWorkingDir(dir string) bool {
	wd, err := os.Stat(".")
	if err != nil {
		return false
	}
	info, err := os.Stat(dir)
	return err == nil && os.SameFile(wd, info)
}

// makeParents creates dir and any missing parents, and flushes every name it creates: a target is
// only as durable as the path to it. A process killed between creating and flushing leaves a name
// unflushed, until the file system gets to it.
func makeParents(dk disk, dir string) error {
	info, err := os.Stat(dir)
	if err == nil && info.IsDir() {
		return nil
	}
	if err == nil {
		return &fs.PathError{Op: "mkdir", Path: dir, Err: errors.New("a file with this name exists")}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(dir)
	if err := makeParents(dk, parent); err != nil {
		return err
	}
	if err := dk.mkdir(dir, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := dk.syncDir(parent); err != nil && !unable(err) {
		return err
	}
	return nil
}
