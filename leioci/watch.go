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

// WatchOptions say how [Client.Watch] watches. The zero value is usable.
type WatchOptions struct {
	// Interval is the time between two looks, a tenth more or less, so that many watchers do not look at once. The default
	// is 5 minutes.
	Interval time.Duration
	// EveryLook yields a result for every look, also for one that found no change.
	EveryLook bool
	// Pull are the options of each pull.
	Pull []PullOption
}

// The waits of a watch that fails: they begin with the first, double up to the interval, and are no longer than a registry
// asks for up to the last.
const (
	defaultInterval = 5 * time.Minute
	firstBackoff    = time.Second
	longestBackoff  = time.Hour
)

// Watch keeps dir up to date with what ref names: it pulls as [Client.PullSnapshot] does, again and again, until ctx ends
// or the loop over it is left.
//
//	for res, err := range client.Watch(ctx, ref, dir, leioci.WatchOptions{}) {
//		if err != nil {
//			log.Print(err) // the directory holds what it held
//			continue
//		}
//		// the directory holds res.Ref
//	}
//
// It yields a result for the first pull that succeeds, for each that brought a change, and for the first one after errors;
// and each error, of a pull that failed after its own tries. After an error it looks again sooner, at first after about a
// second, then after twice that, up to the interval; after a [*RateLimitError] not before the registry's time, up to an hour.
// A look that finds no change is one request, and does not read the reports again.
//
// Wrong options are the only thing yielded.
func (c *Client) Watch(ctx context.Context, ref name.Reference, dir string, opts WatchOptions) iter.Seq2[*PullResult, error] {
	return func(yield func(*PullResult, error) bool) {
		if opts.Interval < 0 {
			yield(nil, fmt.Errorf("watch %s: interval %v: want more than 0", ref, opts.Interval))
			return
		}
		if _, err := pullPolicy(ref, opts.Pull); err != nil {
			yield(nil, fail("watch", ref, err))
			return
		}
		w := &watching{interval: orDefault(opts.Interval, defaultInterval)}
		memory := &target.Memory{}
		for news := true; ; {
			res, err := c.pull(ctx, ref, dir, opts.Pull, memory)
			if ctx.Err() != nil {
				return
			}
			if (err != nil || news || opts.EveryLook || !res.UpToDate) && !yield(res, err) {
				return
			}
			news = err != nil
			if !sleep(ctx, w.next(err)) {
				return
			}
		}
	}
}

// watching is the state of a watch.
type watching struct {
	interval time.Duration
	backoff  time.Duration // the last one; 0 after a success
}

// next returns how long to wait after a look that ended with err.
func (w *watching) next(err error) time.Duration {
	if err == nil {
		w.backoff = 0
		return w.interval*9/10 + rand.N(w.interval/5+1)
	}
	w.backoff = min(max(2*w.backoff, firstBackoff), w.interval)
	wait := w.backoff/2 + rand.N(w.backoff/2+1)
	var limited *RateLimitError
	if errors.As(err, &limited) {
		wait = max(wait, min(limited.RetryAfter, longestBackoff))
	}
	return wait
}

// sleep reports whether d passed before ctx ended.
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
