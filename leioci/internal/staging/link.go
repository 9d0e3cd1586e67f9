package staging

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Link puts a file of the old directory into the new one, replacing any file with that name. It
// makes a hard link, or a copy where it cannot link.
//
// Another commit may replace the old directory first, so verify the file's content in the new
// directory.
func (d *Dir) Link(name, from string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("link %s: not a regular file", from)
	}
	to := filepath.Join(d.path, name)
	if err := d.removeFile(to); err != nil {
		return err
	}
	linkErr := d.link(from, to)
	if linkErr == nil {
		return nil
	}
	if err := d.copy(name, from, info); err != nil {
		return errors.Join(linkErr, err)
	}
	return nil
}

// link makes the hard link. It flushes the content, because whoever wrote the old directory may not
// have. If that fails, for example because this process may not write to the file, the caller
// copies the file instead.
func (d *Dir) link(from, to string) error {
	if err := d.disk.link(from, to); err != nil {
		return err
	}
	info, err := os.Lstat(to)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("link %s: no longer a regular file", from)
	}
	if err == nil {
		err = d.disk.syncFile(to)
	}
	if err != nil {
		return errors.Join(err, d.removeFile(to))
	}
	return nil
}

// copy copies a file, which must be the one described by want.
func (d *Dir) copy(name, from string, want os.FileInfo) error {
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	if got, err := r.Stat(); err != nil || !os.SameFile(want, got) {
		return errors.Join(err, fmt.Errorf("copy %s: replaced by another file meanwhile", from))
	}
	w, err := d.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	return Finish(w, err)
}
