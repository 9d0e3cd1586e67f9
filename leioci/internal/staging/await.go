package staging

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// How a lock that someone else holds is waited for: it is tried after the first pause, then after
// twice that, up to the longest. After a few seconds, and then every minute, the log says what is
// waited for: the other process may be stopped.
const (
	firstPause   = 10 * time.Millisecond
	longestPause = 500 * time.Millisecond
	sayAfter     = 3 * time.Second
	sayEvery     = time.Minute
)

// Await calls try until it returns something else than [ErrInUse], or ctx ends. Now and then, it
// calls say with how long it has been waiting for whoever has path.
func Await(ctx context.Context, path string, try func() error, say func(waited time.Duration)) error {
	begun := time.Now()
	next := begun.Add(sayAfter)
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		if err := try(); !errors.Is(err, errInUse) {
			return err
		}
		if now := time.Now(); !now.Before(next) {
			say(now.Sub(begun).Round(time.Second))
			next = now.Add(sayEvery)
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("lock %s: %w", path, context.Cause(ctx))
		}
	}
}
