package ocilayout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/staging"
)

// lock waits until nobody else changes index.json, and keeps them from it. Where files cannot be
// locked, it does not.
func (w *Writer) lock(ctx context.Context) (unlock func(), err error) {
	path := w.path(lockFile)
	var f *staging.Exclusive
	err = staging.Await(ctx, path, func() error {
		return inIngest(w.path(ingestDir), func() (err error) {
			f, err = staging.OpenExclusive(path)
			return err
		})
	}, func(waited time.Duration) {
		w.log.Warnf("waiting for %v for another process that writes to %s, until it ends or lets go of %s", waited, w.layout.given, path)
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
	case ctx.Err() != nil:
		return nil, err
	}
	return nil, fmt.Errorf("lock %s: %w; remove it if no process uses it", w.layout.given, err)
}
