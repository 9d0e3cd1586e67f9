package staging

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// restore puts the old directory back, whatever it contains, if an exchange was interrupted that
// takes several steps. If the process that began it is alive after all, on another host, it finds
// the target in place again, and starts over.
//
// What another user owns was not set aside by us. An old directory that cannot be put back stays
// where it is: without a target, no sweep removes it, and a new snapshot may take the target's
// name.
func (d *Dir) restore(stages []string) {
	parent, err := os.Stat(d.names.parent)
	if err != nil {
		return
	}
	for _, path := range stages {
		info, err := os.Lstat(path)
		if err != nil || !strings.HasSuffix(path, asideSuffix) || !placed(info, parent) {
			continue
		}
		if d.remains(path) {
			err = d.clear(d.target)
		} else if _, err := os.Lstat(d.target); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = d.disk.rename(path, d.target)
		}
		if err != nil {
			d.log.Warnf("the former %s is at %s and cannot be put back: %v", d.target, path, err)
		}
	}
}

// remains reports whether the target is what exchangeByFiles left of the directory that it copied
// to aside: some of the same files, but not all.
func (d *Dir) remains(aside string) bool {
	whole, err := os.ReadDir(aside)
	if err != nil {
		return false
	}
	left, err := os.ReadDir(d.target)
	if err != nil || len(left) >= len(whole) {
		return false
	}
	for _, e := range left {
		now, err := os.Lstat(filepath.Join(d.target, e.Name()))
		was, wasErr := os.Lstat(filepath.Join(aside, e.Name()))
		if err != nil || wasErr != nil || !d.replaceable.known(e) || now.Size() != was.Size() {
			return false
		}
	}
	return true
}
