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

// A fleet counts what its watchers ask, and how long after its publication each got a snapshot.
type fleet struct {
	mu        sync.Mutex
	perSecond map[int64]int
	perDay    map[int]int // the most of any watcher, by day
	slowest   map[int]time.Duration
}

// follow is one watcher: what Watch does, with the registry's answers in place of pulls.
func (f *fleet) follow(ctx context.Context, p publications, has int, first time.Duration) {
	timing := &schedule{interval: defaultInterval}
	created := func(day int) time.Time { return p.start.Add(time.Duration(day) * aDay) }
	wait := randomly(first)
	if has >= 0 {
		timing.timetable.learn(created(has), created(has+1))
		wait = timing.first(0)
	}
	perDay := map[int]int{}
	for sleep(ctx, wait) {
		now := time.Now()
		newest := p.newest(now)
		perDay[int(now.Sub(p.start)/aDay)]++
		f.mu.Lock()
		f.perSecond[now.Unix()]++
		if newest != has {
			at, _ := p.at(newest)
			f.slowest[newest] = max(f.slowest[newest], now.Sub(at))
		}
		f.mu.Unlock()
		has = newest
		timing.timetable.learn(created(has), created(has+1))
		wait = timing.next(nil)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for day, n := range perDay {
		f.perDay[day] = max(f.perDay[day], n)
	}
}

func TestAFleetFollowsAPublisherWhoSaysWhenTheNextIsDue(t *testing.T) {
	const watchers, days, onTime = 10_000, 30, 15 * time.Minute
	for name, tc := range map[string]struct {
		has   int // the snapshot that all begin with, or -1
		first time.Duration
	}{
		"that has a snapshot":      {0, 0},
		"that is rolled out empty": {-1, 10 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := publications{start: time.Now(), days: days, missing: 12, late: 20, by: 3 * time.Hour}
				f := &fleet{perSecond: map[int64]int{}, perDay: map[int]int{}, slowest: map[int]time.Duration{}}
				time.Sleep(time.Hour)
				ctx, cancel := context.WithTimeout(t.Context(), days*aDay-2*time.Hour)
				defer cancel()
				var all sync.WaitGroup
				for range watchers {
					all.Go(func() { f.follow(ctx, p, tc.has, tc.first) })
				}
				all.Wait()
				f.check(t, watchers)
				for day := 1; day < days; day++ {
					slowest, got := f.slowest[day]
					if day == p.missing {
						continue
					}
					if !got || slowest > onTime && day != p.late {
						t.Errorf("the snapshot of day %d reached all after %v, or not at all", day, slowest)
					}
				}
			})
		})
	}
}

// check fails if a watcher asked more than four times a day, or too many asked together.
func (f *fleet) check(t *testing.T, watchers int) {
	t.Helper()
	for day, n := range f.perDay {
		if n > 4 {
			t.Errorf("day %d: a watcher asked %d times", day, n)
		}
	}
	together := 0
	for _, n := range f.perSecond {
		together = max(together, n)
	}
	if together > watchers/100 {
		t.Errorf("%d of %d watchers asked in the same second", together, watchers)
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
		s := &schedule{interval: time.Hour}
		s.timetable.learn(tc.created, tc.next)
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
	if wait := (&schedule{interval: time.Hour}).next(errors.New("down")); wait > 2*time.Second {
		t.Errorf("after an error, it waits for %v", wait)
	}
}
