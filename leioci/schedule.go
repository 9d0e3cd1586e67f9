package leioci

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// The delays of a watch after an error.
const (
	minBackoff        = time.Second
	maxBackoff        = 5 * time.Minute // for errors that may pass by themselves
	maxRateLimitDelay = time.Hour       // or the interval, if that is longer
)

// A schedule decides when a watch pulls. No duration that it is given makes it overflow.
type schedule struct {
	interval  time.Duration
	backoff   time.Duration // the last one; 0 after a success
	timetable timetable
	clock     func() time.Time
	nap       time.Duration // how long it sleeps before it looks at the clock again
}

func newSchedule(interval time.Duration) *schedule {
	return &schedule{interval: orDefault(interval, defaultInterval), clock: time.Now, nap: longestNap}
}

// first returns the delay before the first pull into a directory that holds a snapshot, or that is
// to be filled if held is nil. If nobody said how long, it lasts until the next snapshot is due, if
// that is known and still to come, and otherwise a random time.
func (s *schedule) first(opts WatchOptions, held *PullResult) time.Duration {
	if held == nil {
		return randomly(opts.FillSpread)
	}
	s.timetable.learn(held)
	now, known := s.clock(), !s.timetable.due.IsZero()
	spread := orDefault(opts.FirstLook, min(s.interval, defaultFirstLook))
	switch {
	case opts.FirstLook == 0 && known && now.Before(s.timetable.due):
		return s.timetable.wait(now)
	case opts.FirstLook == 0 && known: // there is one by now
		spread = min(spread, s.timetable.spread())
	}
	return randomly(spread)
}

// next returns the delay after a pull that ended with err.
func (s *schedule) next(err error) time.Duration {
	known := !s.timetable.due.IsZero()
	switch {
	case err == nil && known:
		s.backoff = 0
		return s.timetable.wait(s.clock())
	case err == nil:
		s.backoff = 0
		shortest := s.interval - s.interval/10
		return later(shortest, s.interval/5)
	case known && isLate(err):
		s.backoff = 0
		return s.timetable.wait(s.clock())
	}
	most := s.interval
	if !persists(err) {
		most = min(most, maxBackoff)
	}
	s.backoff = min(max(s.backoff+min(s.backoff, math.MaxInt64-s.backoff), minBackoff), most)
	wait := later(s.backoff/2, s.backoff/2)
	var limited *RateLimitError
	if errors.As(err, &limited) && limited.RetryAfter > 0 {
		// All who were limited at once may have been told the same time.
		after := min(limited.RetryAfter, max(maxRateLimitDelay, s.interval))
		wait = max(wait, later(after, after/10))
	}
	return wait
}

// isLate reports whether err says that what was to come is late, at every source: none failed.
func isLate(err error) bool {
	_, limited := registry.RateLimited(err)
	return errors.Is(err, ErrStale) && !limited && !registry.Lacks(err)
}

// later returns d plus a random duration of up to most, but not more than a duration can be.
func later(d, most time.Duration) time.Duration {
	return d + rand.N(min(most, math.MaxInt64-1-d)+1)
}

// randomly returns a random duration shorter than d, or 0.
func randomly(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return rand.N(d)
}

// persists reports whether err is of a kind that does not pass until somebody acts: the publisher,
// an administrator of the registry, or whoever runs this program. Rate limits are among them
// because more requests make them last.
func persists(err error) bool {
	var limited *RateLimitError
	if errors.Is(err, ErrUntrusted) && registry.Passes(err) { // a signature could not be read
		return errors.As(err, &limited)
	}
	return errors.As(err, &limited) || slices.ContainsFunc([]error{
		ErrOlder, ErrStale, ErrNotSnapshot, ErrUnsupportedManifest, ErrTooLarge, ErrVerification,
		snapshot.ErrMismatch, snapshot.ErrMalformed, snapshot.ErrCorrupt,
		ErrUntrusted, ErrUnauthorized, ErrDenied, ErrInsecure, ErrInvalidReference, ErrTargetNotEmpty,
	}, func(kind error) bool { return errors.Is(err, kind) })
}
