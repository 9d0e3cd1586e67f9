package staging

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	// stageAge is how long a directory that cannot be locked counts as in use.
	stageAge = 24 * time.Hour
	// partialAge is how long [New] leaves a partial file for somebody to pick up.
	partialAge = 7 * 24 * time.Hour
)

// sweep removes what killed processes left beside the target: staging directories, and partial files that were not
// written to for age. The caller holds the lock on the parent, so that none of it is half of an exchange.
//
// What cannot be removed stays for the next sweep: it is in nobody's way, and so no reason to refuse a new directory.
// But an old directory that cannot be put back is an error.
func (d *Dir) sweep(age time.Duration) error {
	stages, partials, err := d.names.leftovers(d.path)
	if err != nil {
		return err
	}
	if err := d.restore(stages); err != nil {
		return err
	}
	if len(stages) > 0 {
		// One of them may be what an exchange took out of the target's place. That exchange must not get lost
		// after the files are.
		if err := d.disk.syncDir(d.names.parent); err != nil {
			return err
		}
	}
	for _, path := range stages {
		_ = d.whileIdle(path, func() error { return d.clear(path) })
	}
	for _, path := range partials {
		if age == 0 || older(path, age) {
			_ = d.dropPartial(path)
		}
	}
	return nil
}

// Left reports whether a staging directory of this target is beside it, in use or not: then [New] has something to remove.
func Left(target string) bool {
	target, err := resolve(target)
	if err != nil {
		return false
	}
	stages, _, err := namesOf(target).leftovers("")
	return err == nil && len(stages) > 0
}

// leftovers lists what is beside the target, but for the staging directory that is the caller's own.
func (n names) leftovers(own string) (stages, partials []string, err error) {
	entries, err := os.ReadDir(n.parent)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		path := filepath.Join(n.parent, e.Name())
		switch {
		case path == own:
		case e.IsDir() && strings.HasPrefix(e.Name(), n.staging):
			stages = append(stages, path)
		case e.Type().IsRegular() && strings.HasPrefix(e.Name(), n.partial):
			partials = append(partials, path)
		}
	}
	return stages, partials, nil
}

// restore puts the old directory back if an exchange in steps ended between its steps, whatever is in it.
func (d *Dir) restore(stages []string) error {
	for _, path := range stages {
		if _, err := os.Lstat(d.target); !errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if !strings.HasSuffix(path, asideSuffix) {
			continue
		}
		err := d.whileIdle(path, func() error { return d.disk.rename(path, d.target) })
		if err != nil && !errors.Is(err, errInUse) {
			return err
		}
	}
	return nil
}

// Want removes the partial files beside the target that have other ids than these, unless they are in use: what they are for
// is not wanted any more, and the disk may be.
func (d *Dir) Want(ids ...string) error {
	_, partials, err := d.names.leftovers(d.path)
	if err != nil {
		return err
	}
	for _, path := range partials {
		wanted := slices.ContainsFunc(ids, func(id string) bool { return d.names.partialPath(id) == path })
		if !wanted {
			_ = d.dropPartial(path) // as in a sweep
		}
	}
	return nil
}

// whileIdle does something to a staging directory while nobody uses it, or returns errInUse.
func (d *Dir) whileIdle(dir string, do func() error) error {
	held, err := holdExisting(dir)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		if !olderDir(dir, d.names.begun(dir), stageAge) {
			return errInUse
		}
		return do()
	case err != nil:
		return err
	}
	return errors.Join(do(), held.Close())
}

// dropPartial removes a partial file that nobody uses.
func (d *Dir) dropPartial(path string) error {
	f, err := d.disk.openPartial(path)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		if !older(path, stageAge) {
			return errInUse
		}
		return d.removeFile(path)
	case err != nil:
		return err
	}
	return d.removeOpen(f, path)
}

// older reports whether a file was last written to before age. What is dated in the future was written just now.
func older(path string, age time.Duration) bool {
	info, err := os.Lstat(path)
	return err == nil && time.Since(info.ModTime()) >= age
}

// olderDir is older for a directory that was begun at a time, and for all that is in it.
func olderDir(dir string, begun time.Time, age time.Duration) bool {
	entries, err := os.ReadDir(dir)
	if err != nil || time.Since(begun) < age || !older(dir, age) {
		return false
	}
	for _, e := range entries {
		if !older(filepath.Join(dir, e.Name()), age) {
			return false
		}
	}
	return true
}
