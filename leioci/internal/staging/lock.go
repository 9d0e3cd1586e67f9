package staging

import (
	"context"
	"errors"
	"time"
)

// errInUse is returned for a lock that someone else holds.
var errInUse = errors.New("in use")

// lockTarget locks the target, in this process and on every host that shares its file system: of
// several that replace it at once, one works and the others wait.
//
// What is locked is a regular file that this package makes, .leioci-lock-…. Flock on a directory
// is local to each host on NFS and FUSE; and whoever may read a directory of the user's may lock
// it, for ever. Nobody else may open the lock file. If it cannot be used, because there are no
// locks here or the file belongs to someone else, lockTarget returns without it: what is
// checked before the exchange protects the target, and all that is lost is that two fetch the same.
func (d *Dir) lockTarget(ctx context.Context) error {
	return Await(ctx, d.names.lock, func() error {
		if err := d.tryLockTarget(); errors.Is(err, errInUse) {
			return err
		}
		return nil
	}, func(waited time.Duration) {
		d.log.Warnf("waiting for %v for another process that replaces %s, until it ends or lets go of %s", waited, d.target, d.names.lock)
	})
}

// tryLockTarget locks the target, and returns an error if that is not possible now (errInUse) or
// ever.
func (d *Dir) tryLockTarget() error {
	f, err := d.disk.openPartial(d.names.lock)
	if err != nil {
		if !errors.Is(err, errInUse) {
			d.log.Infof("replacing %s without a lock: %v", d.target, err)
		}
		return err
	}
	d.lock = f
	return nil
}

// unlockTarget removes the lock file. Whoever waits for it makes a new one.
func (d *Dir) unlockTarget() {
	if d.lock == nil {
		return
	}
	f := d.lock
	d.lock = nil
	if err := d.removeOpen(f, d.names.lock); err != nil {
		d.log.Infof("cannot remove %s: %v", d.names.lock, err) // the lock itself has ended
	}
}
