// Package regular opens regular files and nothing else. Opening a named pipe waits for its other
// end, and a device may do anything, so what a name stands for is checked before it is opened, and
// once more on what was opened, because another file may have taken the name in between.
package regular

import (
	"errors"
	"io/fs"
	"os"
)

// ErrNotRegular is the cause of the [*fs.PathError] for anything that is not a regular file.
var ErrNotRegular = errors.New("not a regular file")

// Open opens the regular file at path for reading, following symbolic links. Errors are [*fs.PathError].
func Open(path string) (*os.File, fs.FileInfo, error) {
	return open(path, os.Stat, os.Open)
}

// OpenIn opens the regular file that name stands for in root.
func OpenIn(root *os.Root, name string) (*os.File, fs.FileInfo, error) {
	return open(name, root.Stat, root.Open)
}

func open(name string, stat func(string) (fs.FileInfo, error), open func(string) (*os.File, error)) (*os.File, fs.FileInfo, error) {
	info, err := stat(name)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, &fs.PathError{Op: "open", Path: name, Err: ErrNotRegular}
	}
	f, err := open(name)
	if err != nil {
		return nil, nil, err
	}
	if info, err = f.Stat(); err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: name, Err: ErrNotRegular}
	}
	if err != nil {
		_ = f.Close() // nothing was written
		return nil, nil, err
	}
	return f, info, nil
}

// Unchanged reports whether a file is the one it was, as far as its size and times tell.
func Unchanged(then, now fs.FileInfo) bool {
	return os.SameFile(then, now) && then.Size() == now.Size() && then.ModTime().Equal(now.ModTime())
}
