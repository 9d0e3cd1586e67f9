package staging

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// errInUse is returned for a lock that someone else holds.
var errInUse = errors.New("in use")

// How a lock that someone else holds is waited for: it is tried after the first pause, then after
// twice that, up to the longest. After a few seconds, and then every minute, the log says what is
// waited for: the other process may be stopped.
const (
	firstPause   = 10 * time.Millisecond
	longestPause = 500 * time.Millisecond
	sayAfter     = 3 * time.Second
	sayEvery     = time.Minute
)

// lockTarget locks the target, in this process and on every host that shares its file system: of
// several that replace it at once, one works and the others wait.
//
// What is locked is a regular file that this package makes, .leioci-lock-…. Flock on a directory
// is local to each host on NFS and FUSE; and whoever may read a directory of the user's may lock
// it, for ever. Nobody else may open the lock file. If it cannot be used, because there are no
// locks here or the file belongs to someone else, lockTarget returns without it: what is
// checked before the exchange protects the target, and all that is lost is that two fetch the same.
func (d *Dir) lockTarget(ctx context.Context) error {
	begun := time.Now()
	say := begun.Add(sayAfter)
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := d.tryLockTarget()
		if !errors.Is(err, errInUse) {
			return nil
		}
		if now := time.Now(); !now.Before(say) {
			d.log.Warnf("waiting for %v for another process that replaces %s, until it ends or lets go of %s",
				now.Sub(begun).Round(time.Second), d.target, d.names.lock)
			say = now.Add(sayEvery)
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("lock %s: %w", d.names.lock, context.Cause(ctx))
		}
	}
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
