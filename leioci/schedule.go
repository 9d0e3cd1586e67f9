package leioci

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/retry"
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
}

// first returns the delay before the first pull into a directory that holds a snapshot. If nobody
// said how long, it lasts until the next one is due, if that is known, and otherwise it is a
// random one, shorter than spread.
func (s *schedule) first(spread time.Duration) time.Duration {
	now := time.Now()
	switch {
	case spread < 0:
		return 0
	case spread == 0 && now.Before(s.timetable.due):
		return s.timetable.wait(now)
	}
	return rand.N(orDefault(spread, min(s.interval, defaultFirstLook)))
}

// next returns the delay after a pull that ended with err.
func (s *schedule) next(err error) time.Duration {
	known := !s.timetable.due.IsZero()
	switch {
	case err == nil && known:
		s.backoff = 0
		return s.timetable.wait(time.Now())
	case err == nil:
		s.backoff = 0
		shortest := s.interval - s.interval/10
		return later(shortest, s.interval/5)
	case known && errors.Is(err, ErrStale): // what was to come is late
		return s.timetable.wait(time.Now())
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

// later returns d plus a random duration of up to most, but not more than a duration can be.
func later(d, most time.Duration) time.Duration {
	return d + rand.N(min(most, math.MaxInt64-1-d)+1)
}

// persists reports whether err is of a kind that does not pass until somebody acts: the publisher,
// an administrator of the registry, or whoever runs this program. Rate limits are among them
// because more requests make them last.
func persists(err error) bool {
	var limited *RateLimitError
	if errors.Is(err, ErrUntrusted) && retry.IsRetryable(err) { // a signature could not be read
		return errors.As(err, &limited)
	}
	return errors.As(err, &limited) || slices.ContainsFunc([]error{
		ErrOlder, ErrStale, ErrNotSnapshot, ErrUnsupportedManifest, ErrTooLarge, ErrVerification,
		snapshot.ErrMismatch, snapshot.ErrMalformed, snapshot.ErrCorrupt,
		ErrUntrusted, ErrUnauthorized, ErrDenied, ErrInsecure, ErrInvalidReference, ErrTargetNotEmpty,
	}, func(kind error) bool { return errors.Is(err, kind) })
}
