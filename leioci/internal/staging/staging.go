// Package staging replaces a directory as a whole. It fills a new directory beside the target, and
// puts it in the target's place in one step. A reader of the target sees all of the old directory
// or all of the new one.
//
// # After a crash
//
// A crash, too, leaves the target as one of the two. A rename may reach the disk before the data it
// makes visible, so everything is flushed before something else relies on it:
//
//   - a file's content, before the last flush of the new directory's names ([Finish], [Dir.Link],
//     [Partial.MoveTo]);
//   - the new directory's names, before it takes the target's place;
//   - the parent's names, which record the exchange, before the old directory's files are removed.
//
// # What is beside the target
//
// The new directory, .leioci-staging-…, a file for every download in progress, .leioci-partial-…,
// and the lock file, .leioci-lock-…, are in the target's parent, because a rename cannot cross file
// systems. Their names identify the target they belong to. All are gone once a replacement has
// ended, except the partial files of one that failed.
//
// A killed process leaves them behind. The next [New] for that target takes the lock file over, and
// removes the directories that are not in use, after it has made partial files again of what was
// downloaded into them. [Dir.Partial] continues the partial files, and the next [Dir.Commit]
// removes the rest of them. [Tidy] removes everything that is not in use.
//
// In use means locked, and a lock ends with its process. On a file system that may be shared, the
// directory of another host, and on Windows any directory, is left alone for a day after it was
// created and last written to, because its lock cannot be seen. What another user may have put
// there is never touched: neither used, nor removed, nor waited for.
//
// # Several at once
//
// From New until Commit or [Dir.Discard], the lock file is locked: a second process that replaces
// the same target waits, and then finds what the first one left. Where there are no locks, both go
// on. Commit checks that nobody took anything out of its new directory, and a sweep renames what it
// removes first, so that half a directory never becomes the target.
package staging

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
)

// A Dir is a new directory that is to replace its target. Its methods may be called concurrently
// for different files.
type Dir struct {
	disk        disk
	log         logrus.FieldLogger
	names       names
	path        string // of the new directory, beside the target
	target      string
	replaceable Replaceable
	old         attributes
	lock        file        // the lock file; nil if it cannot be locked
	dirLock     io.Closer   // the lock on the new directory
	made        fs.FileInfo // the new directory
	keep        bool        // do not remove path: it may be the only copy of the former target
	replaced    bool        // path is the former target, if anything

	mu     sync.Mutex
	filled map[string]fs.FileInfo // what was put into the new directory; nil if it was created here
}

// New creates an empty directory beside target, to be filled and then committed. The target must be
// absent or replaceable ([Replaceable.Check]), and must not be the working directory. Missing
// parents of the target are created. If target is a symbolic link, the directory it points to is
// the target.
//
// While another process replaces the same target, New waits, until ctx ends. Then it removes what
// killed processes left beside this target. If one was killed in the middle of an exchange in steps
// (see [Dir.Commit]), New puts the old directory back.
//
// To log goes, at level info, what the file system lacks and what is left behind, and as a warning
// what New waits for and what went wrong after the target was replaced.
func New(ctx context.Context, target string, replaceable Replaceable, log logrus.FieldLogger) (*Dir, error) {
	return newOn(ctx, osDisk{}, target, replaceable, log)
}

func newOn(ctx context.Context, dk disk, target string, replaceable Replaceable, log logrus.FieldLogger) (*Dir, error) {
	d, err := locate(dk, target, replaceable, log)
	if err != nil {
		return nil, err
	}
	if err := makeParents(dk, d.names.parent); err != nil {
		return nil, err
	}
	if err := d.lockTarget(ctx); err != nil {
		return nil, err
	}
	if err := d.begin(); err != nil {
		return nil, errors.Join(err, d.Discard())
	}
	return d, nil
}

// locate returns a Dir that has no directory yet.
func locate(dk disk, target string, replaceable Replaceable, log logrus.FieldLogger) (*Dir, error) {
	target, err := resolve(target)
	if err != nil {
		return nil, err
	}
	return &Dir{
		disk: dk, log: log, names: namesOf(target), target: target, replaceable: replaceable,
		filled: map[string]fs.FileInfo{},
	}, nil
}

// begin creates the new directory if the target may be replaced. The target is locked.
func (d *Dir) begin() error {
	if err := d.sweep(partialAge); err != nil {
		return err
	}
	if err := d.replaceable.Check(d.target); err != nil {
		return err
	}
	if isWorkingDir(d.target) {
		return refuse(d.target, workingDirAdvice)
	}
	return d.make()
}

// make creates the new directory and locks it. Somebody who has locked the target, when this
// process could not, may sweep it in between. Then make creates another.
func (d *Dir) make() (err error) {
	d.old = d.attributesOf(d.target)
	for attempt := 1; ; attempt++ {
		if err = d.makeDir(); err != nil {
			return err
		}
		d.dirLock, err = lockNewDir(d.path)
		switch {
		case errors.Is(err, errInUse) && attempt == maxAttempts:
			return nil // a user who locks whatever appears stops nothing
		case !errors.Is(err, errInUse) && !errors.Is(err, fs.ErrNotExist) || attempt == maxAttempts:
			return err
		}
		if err := d.clear(d.path); err != nil {
			return err
		}
	}
}

// makeDir creates the new directory. It is no more accessible than the old one, if there is one.
// Else it is what mkdir makes.
func (d *Dir) makeDir() error {
	path := d.names.newStage(time.Now())
	perm := fs.FileMode(0o777)
	if d.old.dir != nil {
		perm = d.old.dir.Mode().Perm() | 0o700
	}
	if err := d.disk.mkdir(path, perm); err != nil {
		return err
	}
	d.path = path
	var err error
	if d.made, err = os.Lstat(path); err != nil {
		return err
	}
	if d.old.dir == nil {
		return nil
	}
	// With the group and its bit, so that new files get the group.
	return d.imitate(path, d.old.dir, d.old.dir.Mode()&modeBits|0o700)
}

// Path returns the path of the new directory until it is committed.
func (d *Dir) Path() string { return d.path }

// Shared reports whether other hosts may write to the file system, as far as that can be told.
// Where their locks are not seen here, two may write to the same partial file: verify what was
// moved from one to the new directory again.
func (d *Dir) Shared() bool { return d.disk.shared(d.names.parent) }

// Create creates a file in the new directory, replacing any file with that name. It gets the mode
// and group of the old file with this name. Complete it with [Finish].
func (d *Dir) Create(name string) (File, error) {
	return d.create(name, d.old.file(name, d.replaceable.Required))
}

// create is Create with the file whose mode and group the new one gets; nil for those of any new
// file.
func (d *Dir) create(name string, like fs.FileInfo) (File, error) {
	path := filepath.Join(d.path, name)
	if err := d.removeFile(path); err != nil {
		return nil, err
	}
	f, err := d.disk.create(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = d.touched(err)
	}
	if err != nil {
		return nil, err
	}
	if like != nil {
		if err := d.imitate(path, like, like.Mode()&modeBits); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	d.note(name, nil)
	return created{f, d}, nil
}

// created is a file whose flushing the file system may lack.
type created struct {
	File
	dir *Dir
}

// Sync flushes the file, where the file system can.
func (c created) Sync() error { return c.dir.passOver(c.File.Sync()) }

// Finish completes a file: it flushes the file to disk and closes it. err is the result of the
// writing. Finish returns the first error of writing, flushing and closing. After a failed write it
// does not flush.
func Finish(f File, err error) error {
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// Discard removes the new directory and its files, and ends the lock. After a successful
// [Dir.Commit] there is nothing left to do. Shared partial files stay, and what was moved from them
// becomes one again. Close this Dir's partial files first.
func (d *Dir) Discard() error {
	defer d.unlockTarget()
	defer d.unlockDir()
	if d.keep || d.path == "" {
		return nil
	}
	if !d.replaced {
		d.salvage(d.path)
	}
	return d.clear(d.path)
}

// unlockDir ends the lock on the new directory.
func (d *Dir) unlockDir() {
	if d.dirLock == nil {
		return
	}
	if err := d.dirLock.Close(); err != nil {
		d.log.Infof("unlock %s: %v", d.path, err)
	}
	d.dirLock = nil
}
