package leioci

import (
	"math/rand/v2"
	"time"
)

// How a watch follows a publisher who says when the next snapshot is due.
const (
	// dueSpread spreads the checks of all who watch the same tag.
	dueSpread = 10 * time.Minute
	// longestPeriod is how far ahead the next snapshot may be due. If it is further, somebody has
	// made a mistake, and the interval counts.
	longestPeriod  = 32 * 24 * time.Hour
	shortestPeriod = 10 * time.Minute
)

// lateChecks are the delays after a check, at the time when a snapshot was due, that found none.
// The first is for a publisher who takes a few minutes. After the last, the watch waits until the
// snapshot after that is due: with daily ones, this makes four checks on a day without one.
func lateChecks() []time.Duration { return []time.Duration{dueSpread, time.Hour, 6 * time.Hour} }

// A timetable says when snapshots are due: at a time, and again after each period.
type timetable struct {
	due    time.Time // zero if nobody knows
	period time.Duration
	late   int // checks since the last time when one was due, less one
}

// learn takes over what a snapshot says. Times that make no sense are as good as none. So is one
// after the snapshot has expired: somebody has to be told of that before.
func (t *timetable) learn(from *PullResult) {
	next, until := from.NextUpdate, from.ValidUntil
	period := next.Sub(from.made)
	switch {
	case next.IsZero() || period < shortestPeriod || period > longestPeriod || !until.IsZero() && next.After(until):
		*t = timetable{}
	case !next.Equal(t.due):
		*t = timetable{due: next, period: period}
	}
}

// spread is over how long the checks for a snapshot that is due are spread.
func (t *timetable) spread() time.Duration { return min(dueSpread, t.period/2) }

// wait returns how long to wait until the next check.
func (t *timetable) wait(now time.Time) time.Duration {
	spread := t.spread()
	if now.Before(t.due) {
		return min(t.due.Sub(now), t.period) + rand.N(spread) // less, if the clock is behind
	}
	// The next time when one is due, after one or more that have passed.
	following := t.period - now.Sub(t.due)%t.period
	delays := lateChecks()
	if t.late < len(delays) {
		if delay := delays[t.late] + rand.N(delays[t.late]/10); delay < following {
			t.late++
			return delay
		}
	}
	t.late = 0
	return following + rand.N(spread)
}
