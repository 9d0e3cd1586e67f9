package staging

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
)

const (
	// stageAge is how long a directory that cannot be locked counts as in use.
	stageAge = 24 * time.Hour
	// unlockedAge is how long a new directory that is not locked counts as in use to those who have
	// not locked the target: it may be about to be.
	unlockedAge = time.Minute
	// partialAge is how long [New] keeps a partial file for a later process to continue.
	partialAge = 7 * 24 * time.Hour
)

// sweep removes what killed processes left beside the target: staging directories, and partial
// files that were last written to at least age ago. The target is locked, so that none of them is
// part of an exchange in progress.
//
// What cannot be removed is left for the next sweep. It does no harm, and so is no reason to refuse
// a new directory.
func (d *Dir) sweep(age time.Duration) error {
	stages, partials, err := d.names.leftovers(d.path)
	if err != nil {
		return err
	}
	d.restore(stages)
	if len(stages) > 0 {
		// One of them may be the old directory of an exchange. Flush that exchange before removing
		// the files.
		if err := d.syncDir(d.names.parent); err != nil {
			return err
		}
	}
	_, targetErr := os.Lstat(d.target)
	for _, path := range stages {
		if strings.HasSuffix(path, asideSuffix) && targetErr != nil {
			continue // the only copy of the target
		}
		_ = d.whileIdle(path, func() error {
			if age > 0 { // else nothing that is there is wanted
				d.salvage(path)
			}
			return d.removeStage(path)
		})
	}
	for _, path := range partials {
		if age == 0 || older(path, age) {
			_ = d.dropPartial(path)
		}
	}
	return nil
}

// removeStage removes a staging directory that is not in use. It takes the name away first: if the
// directory is in use after all, on a host whose locks are not seen here, its commit fails and
// replaces nothing.
func (d *Dir) removeStage(path string) error {
	if entries, err := os.ReadDir(path); err != nil || d.replaceable.unexpected(entries) != "" {
		return d.clear(path) // which says so
	}
	claimed := d.names.newStage(time.Now())
	if err := d.disk.rename(path, claimed); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return d.clear(path) // one that came with a container's image, which cannot be renamed
	}
	return d.clear(claimed)
}

// Tidy removes what killed processes left beside the target, and partial files that nobody uses:
// all that [New] and [Dir.Commit] would remove. While somebody replaces the target, Tidy leaves it
// to them. It costs a look at the target's parent if there is nothing to do.
func Tidy(target string, replaceable Replaceable, log logrus.FieldLogger) error {
	d, err := locate(osDisk{}, target, replaceable, log)
	if err != nil {
		return err
	}
	if !d.names.hasLeftovers() {
		return nil
	}
	if err := d.tryLockTarget(); errors.Is(err, errInUse) {
		return nil
	}
	defer d.unlockTarget()
	return d.sweep(0)
}

// hasLeftovers reports whether there is something beside the target, in use or not.
func (n names) hasLeftovers() bool {
	if _, err := os.Lstat(n.lock); err == nil {
		return true
	}
	stages, partials, err := n.leftovers("")
	return err == nil && len(stages)+len(partials) > 0
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

// KeepPartials frees disk space: it removes the partial files beside the target whose ids are not
// listed, and the pieces of those, because their downloads are no longer wanted. Files in use are
// left alone.
func (d *Dir) KeepPartials(ids ...string) error {
	_, partials, err := d.names.leftovers(d.path)
	if err != nil {
		return err
	}
	for _, path := range partials {
		wanted := slices.ContainsFunc(ids, func(id string) bool { return d.names.belongs(path, id) })
		if !wanted {
			_ = d.dropPartial(path) // on an error it is left for the next sweep
		}
	}
	return nil
}

// whileIdle calls do if a staging directory is not in use, holding the directory's lock where there
// are locks. Otherwise it returns an error, such as errInUse.
func (d *Dir) whileIdle(dir string, do func() error) error {
	if d.lock == nil && time.Since(d.names.created(dir)) < unlockedAge {
		return errInUse
	}
	dirLock, err := lockExistingDir(dir)
	if errors.Is(err, errors.ErrUnsupported) {
		if !olderDir(dir, d.names.created(dir), stageAge) {
			return errInUse
		}
		return do()
	}
	if err != nil {
		return err
	}
	if d.names.elsewhere(dir) && d.Shared() && !olderDir(dir, d.names.created(dir), stageAge) {
		err = errInUse
	} else {
		err = do()
	}
	return errors.Join(err, dirLock.Close())
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
