// Package regular opens regular files and nothing else. Opening a named pipe blocks until the other
// end is opened, and opening a device may do anything, so the file type is checked before opening,
// and again on the opened file, because the name may have been given to another file in between.
package regular

import (
	"errors"
	"io/fs"
	"os"
)

// ErrNotRegular is the cause of the [*fs.PathError] returned for anything but a regular file.
var ErrNotRegular = errors.New("not a regular file")

// Open opens the regular file at path for reading. It follows symbolic links. Errors are of type
// [*fs.PathError].
func Open(path string) (*os.File, fs.FileInfo, error) {
	return open(path, os.Stat, os.Open)
}

// OpenIn is [Open] for a name within root, which symbolic links cannot leave.
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

// Unchanged reports whether a file is the same and unmodified, judging by its size and modification
// time.
func Unchanged(then, now fs.FileInfo) bool {
	return os.SameFile(then, now) && then.Size() == now.Size() && then.ModTime().Equal(now.ModTime())
}
