// Package regular opens regular files and nothing else. A device may do anything when it is opened,
// so what a name stands for is checked before that, and once more on what was opened, because
// another file may have taken the name in between. That one may be a named pipe, which makes who
// opens it wait for its other end, unless it is opened without blocking.
package regular

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"runtime"
	"syscall"
)

// ErrNotRegular is the cause of the [*fs.PathError] returned for anything but a regular file.
var ErrNotRegular = errors.New("not a regular file")

// Open opens the regular file at path for reading. It follows symbolic links. Errors are of type
// [*fs.PathError].
func Open(path string) (*os.File, fs.FileInfo, error) {
	return open(path, os.Stat, os.OpenFile)
}

// Read reads the regular file at path, but at most limit bytes of it. Whoever refuses a file that is
// too large asks for one byte more than it may have.
func Read(path string, limit int64) ([]byte, error) {
	f, _, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}

// OpenRoot is [os.OpenRoot] for what may be anything but a directory: a named pipe is not waited
// for, and a device is not opened.
func OpenRoot(dir string) (*os.Root, error) {
	if dir != "" && runtime.GOOS != "windows" { // where C: and C:/ are two directories
		dir += "/" // so that it is found as a directory, or not at all
	}
	return os.OpenRoot(dir)
}

// OpenIn is [Open] for a name within root, which symbolic links cannot leave.
func OpenIn(root *os.Root, name string) (*os.File, fs.FileInfo, error) {
	return open(name, root.Stat, root.OpenFile)
}

func open(
	name string, stat func(string) (fs.FileInfo, error), openFile func(string, int, fs.FileMode) (*os.File, error),
) (*os.File, fs.FileInfo, error) {
	info, err := stat(name)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, &fs.PathError{Op: "open", Path: name, Err: ErrNotRegular}
	}
	f, err := openFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // to a regular file, it makes no difference
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
