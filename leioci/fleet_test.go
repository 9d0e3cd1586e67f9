package leioci

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// publications are the snapshots of a publisher who says when the next is due: one a day for days,
// of which one is missing, and one late by some time.
type publications struct {
	start         time.Time
	days          int
	missing, late int
	by            time.Duration
}

const aDay = 24 * time.Hour

// at returns when the snapshot of a day is published.
func (p publications) at(day int) (at time.Time, ok bool) {
	at = p.start.Add(time.Duration(day) * aDay)
	if day == p.late {
		at = at.Add(p.by)
	}
	return at, day != p.missing
}

// newest returns the day of the newest snapshot at a time.
func (p publications) newest(now time.Time) int {
	newest := 0
	for day := range p.days {
		if at, ok := p.at(day); ok && !at.After(now) {
			newest = day
		}
	}
	return newest
}

// A fleet counts the checks of its watchers, and how long after its publication each got a snapshot.
// What a check sends is shown with a real Watch.
type fleet struct {
	mu        sync.Mutex
	perSecond map[int64]int
	perDay    map[int]int // the most of any watcher, by day
	slowest   map[int]time.Duration
	reached   map[int]int // how many got the snapshot of a day
}

// result is what a pull tells of the snapshot of a day.
func (p publications) result(day int, upToDate bool) *PullResult {
	made := p.start.Add(time.Duration(day) * aDay)
	return &PullResult{NextUpdate: made.Add(aDay), UpToDate: upToDate, made: made}
}

// follow is one watcher: Watch itself, with the registry's answers in place of pulls. Its clock is
// not set, so that it need not look at it.
func (f *fleet) follow(ctx context.Context, p publications, has int, opts WatchOptions) {
	timing := newSchedule(0)
	timing.nap = 2 * longestPeriod
	var held *PullResult
	if has >= 0 {
		held = p.result(has, true)
	}
	perDay := map[int]int{}
	timing.follow(ctx, timing.first(opts, held), false, func() (*PullResult, error) {
		now := time.Now()
		newest := p.newest(now)
		changed := newest != has
		has = newest
		perDay[int(now.Sub(p.start)/aDay)]++
		f.mu.Lock()
		defer f.mu.Unlock()
		f.perSecond[now.Unix()]++
		if changed {
			at, _ := p.at(newest)
			f.reached[newest]++
			f.slowest[newest] = max(f.slowest[newest], now.Sub(at))
		}
		return p.result(newest, !changed), nil
	}, func(*PullResult, error) bool { return true })
	f.mu.Lock()
	defer f.mu.Unlock()
	for day, n := range perDay {
		f.perDay[day] = max(f.perDay[day], n)
	}
}

func TestAFleetFollowsAPublisherWhoSaysWhenTheNextIsDue(t *testing.T) {
	const watchers, onTime, whenLate = fleetSize, 15 * time.Minute, 6 * time.Hour
	for name, tc := range map[string]struct {
		has   int           // the snapshot that all begin with, or -1
		after time.Duration // since the first publication, when all are started
		days  int
		opts  WatchOptions
	}{
		"that has a snapshot":                         {0, time.Hour, 30, WatchOptions{}},
		"that is rolled out empty":                    {-1, time.Hour, 30, WatchOptions{FillSpread: 10 * time.Minute}},
		"that is restarted shortly before one is due": {0, aDay - time.Second, 3, WatchOptions{}},
		"that is restarted shortly after one was due": {0, aDay + time.Second, 3, WatchOptions{}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := publications{start: time.Now(), days: tc.days, missing: 12, late: 13, by: 3 * time.Hour}
				f := &fleet{perSecond: map[int64]int{}, perDay: map[int]int{}, slowest: map[int]time.Duration{}, reached: map[int]int{}}
				time.Sleep(tc.after)
				ctx, cancel := context.WithDeadline(t.Context(), p.start.Add(time.Duration(tc.days)*aDay-time.Hour))
				defer cancel()
				var all sync.WaitGroup
				for range watchers {
					all.Go(func() { f.follow(ctx, p, tc.has, tc.opts) })
				}
				all.Wait()
				f.check(t, watchers)
				for day := 1; day < tc.days; day++ {
					slowest, reached, most := f.slowest[day], f.reached[day], onTime
					if day == p.late {
						most = whenLate
					}
					if day != p.missing && (reached != watchers || slowest > most) {
						t.Errorf("the snapshot of day %d reached %d of %d, the last after %v", day, reached, watchers, slowest)
					}
				}
			})
		})
	}
}

// check fails if a watcher checked more than four times a day, or too many asked together.
func (f *fleet) check(t *testing.T, watchers int) {
	t.Helper()
	for day, n := range f.perDay {
		if n > 4 {
			t.Errorf("day %d: a watcher checked %d times", day, n)
		}
	}
	together := 0
	for _, n := range f.perSecond {
		together = max(together, n)
	}
	if together > max(watchers/100, 30) {
		t.Errorf("%d of %d watchers checked in the same second", together, watchers)
	}
}

func TestTimesThatMakeNoSenseDoNotStopAWatch(t *testing.T) {
	now := time.Now()
	for name, tc := range map[string]struct {
		created, next, now time.Time
		most               time.Duration
	}{
		"a clock that is decades behind":  {now, now.Add(aDay), time.Unix(0, 0), 25 * time.Hour},
		"a clock that is decades ahead":   {now, now.Add(aDay), now.AddDate(40, 0, 0), 25 * time.Hour},
		"a next one in a thousand years":  {now, now.AddDate(1000, 0, 0), now, 2 * time.Hour},
		"a next one before it was made":   {now, now.Add(-aDay), now, 2 * time.Hour},
		"a next one at the same moment":   {now, now, now, 2 * time.Hour},
		"a next one a nanosecond later":   {now, now.Add(1), now, 2 * time.Hour},
		"made at no time":                 {time.Time{}, now.Add(aDay), now, 2 * time.Hour},
		"nothing said":                    {now, time.Time{}, now, 2 * time.Hour},
		"a month":                         {now, now.Add(31 * aDay), now, 32 * aDay},
		"ten minutes, and one that is up": {now.Add(-aDay), now.Add(-aDay + 10*time.Minute), now, time.Hour},
	} {
		s := newSchedule(time.Hour)
		s.timetable.learn(&PullResult{made: tc.created, NextUpdate: tc.next})
		for range 100 {
			wait := s.next(nil)
			if !s.timetable.due.IsZero() {
				wait = s.timetable.wait(tc.now)
			}
			if wait <= 0 || wait > tc.most {
				t.Fatalf("%s: waits for %v", name, wait)
			}
		}
	}
	if wait := newSchedule(time.Hour).next(errors.New("down")); wait > 2*time.Second {
		t.Errorf("after an error, it waits for %v", wait)
	}
}
