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
	// partialAge is how long [New] keeps a partial file for a later process to continue.
	partialAge = 7 * 24 * time.Hour
)

// sweep removes what killed processes left beside the target: staging directories, and partial
// files that were last written to at least age ago. The caller holds the lock on the parent, so
// that none of them is part of an exchange in progress.
//
// What cannot be removed is left for the next sweep. It does no harm, and so is no reason to refuse
// a new directory. But an old directory that cannot be put back is an error.
func (d *Dir) sweep(age time.Duration) error {
	stages, partials, err := d.names.leftovers(d.path)
	if err != nil {
		return err
	}
	if err := d.restore(stages); err != nil {
		return err
	}
	if len(stages) > 0 {
		// One of them may be the old directory of an exchange. Flush that exchange before removing
		// the files.
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

// HasLeftovers reports whether there is a staging directory beside the target, in use or not, for [New] to
// remove.
func HasLeftovers(target string) bool {
	target, err := resolve(target)
	if err != nil {
		return false
	}
	stages, _, err := namesOf(target).leftovers("")
	return err == nil && len(stages) > 0
}

// leftovers lists the staging directories and partial files beside the target, except own, the
// caller's directory.
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

// restore puts the old directory back, whatever it contains, if an exchange in steps was
// interrupted.
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

// KeepPartials frees disk space: it removes the partial files beside the target whose ids are not listed,
// because their downloads are no longer wanted. Files in use are left alone.
func (d *Dir) KeepPartials(ids ...string) error {
	_, partials, err := d.names.leftovers(d.path)
	if err != nil {
		return err
	}
	for _, path := range partials {
		wanted := slices.ContainsFunc(ids, func(id string) bool { return d.names.partialPath(id) == path })
		if !wanted {
			_ = d.dropPartial(path) // on an error it is left for the next sweep
		}
	}
	return nil
}

// whileIdle calls do if a staging directory is not in use, holding the directory's lock where there
// are locks. Otherwise it returns errInUse.
func (d *Dir) whileIdle(dir string, do func() error) error {
	dirLock, err := lockExistingDir(dir)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		if !olderDir(dir, d.names.created(dir), stageAge) {
			return errInUse
		}
		return do()
	case err != nil:
		return err
	}
	return errors.Join(do(), dirLock.Close())
}

// dropPartial removes a partial file that is not in use, or returns an error.
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

// older reports whether a file was last written to at least age ago. A date in the future counts as
// now.
func older(path string, age time.Duration) bool {
	info, err := os.Lstat(path)
	return err == nil && time.Since(info.ModTime()) >= age
}

// olderDir reports whether a directory was created at least age ago, and it and all its entries are
// older than age.
func olderDir(dir string, created time.Time, age time.Duration) bool {
	entries, err := os.ReadDir(dir)
	if err != nil || time.Since(created) < age || !older(dir, age) {
		return false
	}
	for _, e := range entries {
		if !older(filepath.Join(dir, e.Name()), age) {
			return false
		}
	}
	return true
}
