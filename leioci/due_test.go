package leioci_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestAWatchChecksWhenTheNextSnapshotIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newMirrorWorld(t)
		time.Sleep(time.Until(inTime))
		w.put(mainHost, limited(t, inTime))
		published := make(chan struct{})
		go func() {
			defer close(published)
			for day := 1; day <= 3; day++ {
				time.Sleep(time.Until(inTime.AddDate(0, 0, day)))
				w.put(mainHost, limited(t, inTime.AddDate(0, 0, day)))
			}
		}()
		at, errs := w.looks(filepath.Join(t.TempDir(), "lei"), leioci.WatchOptions{}, 80*time.Hour)
		<-published
		for i, err := range errs {
			if err != nil {
				t.Errorf("check %d: %v", i, err)
			}
		}
		if len(at) != 4 {
			t.Fatalf("checks after %v", at)
		}
		for i, after := range at {
			if due := time.Duration(i) * 24 * time.Hour; after < due || after > due+10*time.Minute {
				t.Errorf("check %d after %v", i, after)
			}
		}
	})
}

func TestAWatchIsNotMisledAboutWhenTheNextIsDue(t *testing.T) {
	const hours, days = time.Hour, 24 * time.Hour
	for name, tc := range map[string]struct {
		put         func(w *mirrorWorld)
		watched     time.Duration
		least, most int // checks
		last        error
	}{
		"made anew of what is old": {func(w *mirrorWorld) {
			img, err := leioci.Package(w.t.Context(), leiocitest.WriteSnapshot(w.t, inTime.AddDate(0, 0, -40), report),
				leioci.Created(inTime), leioci.NextUpdate(inTime.Add(days)))
			must(w.t, err)
			w.put(mainHost, img)
		}, 3*days - hours, 9, 9, nil},
		"long after it has expired": {func(w *mirrorWorld) {
			w.putAnnotated(mainHost, limited(w.t, inTime), leioci.AnnotationNextUpdate, inTime.Add(30*days).Format(time.RFC3339))
		}, 50 * hours, 45, 80, leioci.ErrStale},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newMirrorWorld(t)
				time.Sleep(time.Until(inTime))
				tc.put(w)
				at, errs := w.looks(filepath.Join(t.TempDir(), "lei"), leioci.WatchOptions{}, tc.watched)
				if n := len(at); n < tc.least || n > tc.most || !errors.Is(errs[n-1], tc.last) {
					t.Errorf("checks after %v, and last %v", at, errs[n-1])
				}
			})
		})
	}
}

func TestAWatchThatIsStartedWhenTheNextWasDueChecksSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newMirrorWorld(t)
		time.Sleep(time.Until(inTime))
		w.put(mainHost, limited(t, inTime))
		dir := w.pulled()
		time.Sleep(24*time.Hour + time.Second)
		w.put(mainHost, limited(t, inTime.AddDate(0, 0, 1)))
		for res, err := range w.client().Watch(t.Context(), w.repos[mainHost].Tag("latest"), dir, leioci.WatchOptions{}) {
			if took := time.Since(inTime.AddDate(0, 0, 1)); err != nil || res.UpToDate || took > 11*time.Minute {
				t.Errorf("after %v: %+v, %v", took, res, err)
			}
			break
		}
	})
}

func TestAFrozenMirrorDoesNotHideThatAnotherSourceFails(t *testing.T) {
	for name, tc := range map[string]struct {
		fault       leiocitest.Fault
		least, most time.Duration // until the next check
	}{
		"unavailable": {leiocitest.Status(http.StatusServiceUnavailable, ""), 0, time.Second},
		"limited":     {leiocitest.RetryAfter(http.StatusTooManyRequests, "1800"), 30 * time.Minute, 33 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newMirrorWorld(t)
				time.Sleep(time.Until(inTime))
				w.put(mirrorA, limited(t, inTime))
				w.hosts[mainHost].On("", "/manifests/", leiocitest.Always, tc.fault)
				client := w.client(leioci.WithMirrors(leioci.Mirror{Of: w.repos[mainHost], At: w.repos[mirrorA]}))
				var failed time.Time
				for _, err := range client.Watch(t.Context(), w.repos[mainHost].Tag("latest"), filepath.Join(t.TempDir(), "lei"), leioci.WatchOptions{}) {
					if err == nil {
						continue
					}
					if !errors.Is(err, leioci.ErrStale) {
						t.Errorf("got %v", err)
					}
					if took := time.Since(failed); !failed.IsZero() {
						if took < tc.least || took > tc.most {
							t.Errorf("checks again after %v", took)
						}
						break
					}
					failed = time.Now()
				}
			})
		})
	}
}

// TestWhatTheChecksOfAWatchCost counts requests: one for a check that finds nothing new, four for
// one that does, and one more at the very first, to learn that credentials are wanted, in place of
// a HEAD. Where tokens are wanted, which expire between checks, each check makes two more.
func TestWhatTheChecksOfAWatchCost(t *testing.T) {
	const watchers, days, missing, late = 3, 5, 2, 3
	synctest.Test(t, func(t *testing.T) {
		w := newMirrorWorld(t)
		publish := func(day int) {
			date := inTime.AddDate(0, 0, day)
			img, err := leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, date, fmt.Sprintf(`{"data":{"repo":"https://example.org/%d"}}`, day)),
				leioci.ValidUntil(date.Add(72*time.Hour)), leioci.NextUpdate(date.Add(24*time.Hour)))
			must(t, err)
			w.put(mainHost, img)
		}
		time.Sleep(time.Until(inTime))
		publish(0)
		var mu sync.Mutex
		var requests [watchers][days]int
		ctx, cancel := context.WithTimeout(t.Context(), days*24*time.Hour-time.Hour)
		defer cancel()
		var all sync.WaitGroup
		for i := range watchers {
			base, dir := w.network.Transport(), filepath.Join(t.TempDir(), "lei")
			client := w.client(leioci.WithTransport(roundTripper(func(req *http.Request) (*http.Response, error) {
				mu.Lock()
				requests[i][time.Since(inTime)/(24*time.Hour)]++
				mu.Unlock()
				return base.RoundTrip(req)
			})))
			all.Go(func() {
				for _, err := range client.Watch(ctx, w.repos[mainHost].Tag("latest"), dir, leioci.WatchOptions{}) {
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		for day := 1; day < days; day++ {
			time.Sleep(time.Until(inTime.AddDate(0, 0, day)))
			if day == late {
				time.Sleep(3 * time.Hour)
			}
			if day != missing {
				publish(day)
			}
		}
		all.Wait()
		mu.Lock()
		defer mu.Unlock()
		for i := range watchers {
			if want := [days]int{4, 4, 4, 7, 4}; requests[i] != want {
				t.Errorf("watcher %d sent %v each day, want %v", i, requests[i], want)
			}
		}
	})
}
