package leioci

import (
	"context"
	"time"
)

// follow checks again and again, first after wait and then whenever the schedule says, until ctx
// ends or yield returns false. It yields what [Client.Watch] says; all makes that every check.
func (s *schedule) follow(
	ctx context.Context, wait time.Duration, all bool,
	check func() (*PullResult, error), yield func(*PullResult, error) bool,
) {
	for yieldUnchanged := true; s.sleep(ctx, wait); { // for the first success, and the first after an error
		res, err := check()
		if err != nil && ctx.Err() != nil {
			return
		}
		if (err != nil || yieldUnchanged || all || !res.UpToDate) && !yield(res, err) {
			return
		}
		yieldUnchanged = err != nil
		if err == nil {
			s.timetable.learn(res)
		}
		wait = s.next(err)
	}
}

// longestNap is how long a watch sleeps before it looks at the clock again. Timers stand still while
// a machine is suspended, and know nothing of a clock that is set.
const longestNap = 5 * time.Minute

// sleep waits for d, or until the clock shows that d has passed. It returns false if ctx ends first,
// or has ended. After an error, only d counts: a registry may have asked for it.
func (s *schedule) sleep(ctx context.Context, d time.Duration) bool {
	longest := max(s.nap, d/10_000) // who waits for years can be late by days
	if s.backoff > 0 {
		longest = d
	}
	for wake := s.clock().Round(0).Add(d); d > longest; { // without what a timer goes by
		if !sleep(ctx, longest) {
			return false
		}
		d = min(d-longest, max(0, wake.Sub(s.clock())))
	}
	return sleep(ctx, d)
}

// sleep waits for d. It returns false if ctx ends first, or has ended.
func sleep(ctx context.Context, d time.Duration) bool {
	if ctx.Err() != nil || d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
