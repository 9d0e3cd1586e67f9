package ocilayout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/staging"
)

// How the lock is waited for. After a few seconds, and then every minute, the log says so: the
// other process may be stopped.
const (
	firstPause   = 10 * time.Millisecond
	longestPause = 100 * time.Millisecond
	sayAfter     = 3 * time.Second
	sayEvery     = time.Minute
)

// lock waits until nobody else changes index.json, and keeps them from it. Where files cannot be
// locked, it does not.
func (w *Writer) lock(ctx context.Context) (unlock func(), err error) {
	path := w.path(lockFile)
	begun := time.Now()
	say := begun.Add(sayAfter)
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		var f *staging.Exclusive
		err := inIngest(w.path(ingestDir), func() (err error) {
			f, err = staging.OpenExclusive(path)
			return err
		})
		switch {
		case err == nil:
			return func() {
				if err := f.Remove(); err != nil {
					w.log.Infof("cannot remove %s: %v", path, err) // the lock itself has ended
				}
			}, nil
		case errors.Is(err, errors.ErrUnsupported):
			w.log.Infof("writing to %s without a lock: %v", w.layout.given, err)
			return func() {}, nil
		case !errors.Is(err, staging.ErrInUse):
			return nil, fmt.Errorf("lock %s: %w; remove it if no process uses it", w.layout.given, err)
		}
		if now := time.Now(); !now.Before(say) {
			w.log.Warnf("waiting for %v for another process that writes to %s, until it ends or lets go of %s",
				now.Sub(begun).Round(time.Second), w.layout.given, path)
			say = now.Add(sayEvery)
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, fmt.Errorf("lock %s: %w", w.layout.given, context.Cause(ctx))
		}
	}
}
