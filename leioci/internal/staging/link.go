package staging

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Link puts a file of the old directory into the new one, in place of one that is there: the same file under a second
// name, or a copy of it where it cannot be linked.
//
// Another commit may replace the old directory until then: what the file holds is to be verified in the new one.
func (d *Dir) Link(name, from string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("link %s: it is not a regular file", from)
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

// link makes the second name. The content is flushed, because whoever put it into the old directory may not have done
// so; a file that cannot be, because it is not this process's to write, is better copied.
func (d *Dir) link(from, to string) error {
	if err := d.disk.link(from, to); err != nil {
		return err
	}
	info, err := os.Lstat(to)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("link %s: it is no longer a regular file", from)
	}
	if err == nil {
		err = d.disk.syncFile(to)
	}
	if err != nil {
		return errors.Join(err, d.removeFile(to))
	}
	return nil
}

func (d *Dir) copy(name, from string, was os.FileInfo) error {
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	if is, err := r.Stat(); err != nil || !os.SameFile(was, is) {
		return errors.Join(err, fmt.Errorf("copy %s: it was replaced by another file", from))
	}
	w, err := d.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	return Finish(w, err)
}
