package staging

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// salvage makes partial files again of what was downloaded into a new directory that will not
// replace anything, or that a killed process left: it is complete, and need not be fetched again.
//
// What cannot be salvaged is not worth an error.
func (d *Dir) salvage(stage string) {
	if d.replaceable.Downloads == nil {
		return
	}
	parent, err := os.Stat(d.names.parent)
	if err != nil {
		return
	}
	if info, err := os.Lstat(stage); err == nil && info.Mode().Perm()&0o700 != 0o700 {
		_ = d.disk.chmod(stage, info.Mode()&modeBits|0o700) // if that fails, so does what follows
	}
	for name, id := range d.replaceable.Downloads(stage) {
		if !validID(id) {
			continue
		}
		path := filepath.Join(stage, name)
		info, err := os.Lstat(path)
		// A file with another link is in the target, too: nobody may write to it.
		if err != nil || !info.Mode().IsRegular() || !placed(info, parent) || !hasOneLink(path, info) {
			continue
		}
		if err := d.salvageFile(path, !trusted(info, parent), d.names.partialPath(id)); err != nil {
			d.log.Infof("what was downloaded to %s has to be fetched again: %v", path, err)
		}
	}
}

// salvageFile makes a partial file of a file, and nobody else's: it may have been given to the
// owner of the target. A file system that has no modes of its own shows both to the same users.
func (d *Dir) salvageFile(path string, given bool, to string) error {
	if given {
		if err := d.disk.chown(path, os.Geteuid(), os.Getegid()); err != nil {
			return err
		}
	}
	if err := d.disk.chmod(path, 0o600); err != nil && !unable(err) && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return d.disk.rename(path, to)
}
