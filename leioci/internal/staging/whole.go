package staging

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// note records that the new directory holds a file with this name. info says which, and is nil for
// one that is still being written.
func (d *Dir) note(name string, info fs.FileInfo) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.filled[name] = info
}

// noteFile is note for a file that is complete.
func (d *Dir) noteFile(name string) error {
	info, err := os.Lstat(filepath.Join(d.path, name))
	if err == nil {
		d.note(name, info)
	}
	return err
}

// checkWhole returns an error unless the new directory holds what was put into it and nothing else.
// On a file system without locks, the sweep of another host, whose clock is another, may have taken
// it for abandoned; and a user may have cleaned up.
func (d *Dir) checkWhole() error {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return d.touched(err)
	}
	for _, e := range entries {
		if !d.replaceable.known(e) {
			return d.touched(fmt.Errorf("%q was added", e.Name()))
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for name, filled := range d.filled {
		now, err := os.Lstat(filepath.Join(d.path, name))
		switch {
		case err != nil:
			return d.touched(err)
		case !now.Mode().IsRegular(), filled != nil && filled.Size() != now.Size(): // not every file system keeps numbers and times
			return d.touched(fmt.Errorf("%q is another file", name))
		}
	}
	for _, name := range d.replaceable.Required {
		if !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == name }) {
			return d.touched(fmt.Errorf("%q is missing", name))
		}
	}
	return nil
}

func (d *Dir) touched(err error) error {
	return fmt.Errorf("%s was changed by another process before it could replace %s, which is as it was; try again: %w", d.path, d.target, err)
}
