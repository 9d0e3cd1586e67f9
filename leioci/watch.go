package leioci

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/lowendinsight/lei-go/leioci/internal/target"
)

// WatchOptions configure [Client.Watch]. The zero value is usable.
type WatchOptions struct {
	// Interval is the time between two checks. It is varied by up to 10 percent, so that many
	// watchers do not check at the same time. The default is 5 minutes.
	Interval time.Duration
	// EveryLook yields a result for every check, even if nothing changed.
	EveryLook bool
	// Pull are the options for each pull.
	Pull []PullOption
}

// The delays of a watch. After an error, the delay starts at minBackoff and doubles up to the
// interval. If the registry asks for more, it gets that, up to maxRateLimitDelay.
const (
	defaultInterval   = 5 * time.Minute
	minBackoff        = time.Second
	maxRateLimitDelay = time.Hour
)

// Watch keeps dir up to date with ref. It pulls like [Client.PullSnapshot], again and again, until
// ctx ends or the caller leaves the loop.
//
//	for res, err := range client.Watch(ctx, ref, dir, leioci.WatchOptions{}) {
//		if err != nil {
//			log.Print(err) // the directory is unchanged
//			continue
//		}
//		// the directory now has the snapshot res.Ref
//	}
//
// It yields a result for the first successful pull, for each pull that brought a change, and for
// the first success after an error. It also yields each error of a pull, once that pull's own
// retries are exhausted.
//
// After an error, it pulls again sooner: after about a second, then after twice that, up to the
// interval. After a [*RateLimitError], it waits at least as long as the registry asks, up to an
// hour. A check that finds no change is a single request and does not read the reports again.
//
// If the options are invalid, Watch yields that error and ends.
func (c *Client) Watch(ctx context.Context, ref name.Reference, dir string, opts WatchOptions) iter.Seq2[*PullResult, error] {
	return func(yield func(*PullResult, error) bool) {
		if opts.Interval < 0 {
			yield(nil, fmt.Errorf("watch %s: interval %v: must not be negative", ref, opts.Interval))
			return
		}
		if _, err := pullPolicy(ref, opts.Pull); err != nil {
			yield(nil, fail("watch", ref, err))
			return
		}
		timing := &schedule{interval: orDefault(opts.Interval, defaultInterval)}
		memory := &target.Memory{}
		for yieldUnchanged := true; ; { // for the first success, and the first after an error
			res, err := c.pull(ctx, ref, dir, opts.Pull, memory)
			if ctx.Err() != nil {
				return
			}
			if (err != nil || yieldUnchanged || opts.EveryLook || !res.UpToDate) && !yield(res, err) {
				return
			}
			yieldUnchanged = err != nil
			if !sleep(ctx, timing.next(err)) {
				return
			}
		}
	}
}

// A schedule decides when a watch pulls.
type schedule struct {
	interval time.Duration
	backoff  time.Duration // the last one; 0 after a success
}

// next returns the delay after a pull that ended with err.
func (s *schedule) next(err error) time.Duration {
	if err == nil {
		s.backoff = 0
		return s.interval*9/10 + rand.N(s.interval/5+1)
	}
	s.backoff = min(max(2*s.backoff, minBackoff), s.interval)
	wait := s.backoff/2 + rand.N(s.backoff/2+1)
	var limited *RateLimitError
	if errors.As(err, &limited) {
		wait = max(wait, min(limited.RetryAfter, maxRateLimitDelay))
	}
	return wait
}

// sleep waits for d. It returns false if ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
