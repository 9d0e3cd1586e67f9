package leioci_test

import (
	"context"
	"errors"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// years are long enough for a sum of two durations not to fit into one.
const years = 365 * 24 * time.Hour

// looks watches latest into dir for a time, and returns when each check ended, and with what.
func (w *mirrorWorld) looks(dir string, opts leioci.WatchOptions, watched time.Duration) (at []time.Duration, errs []error) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), watched)
	defer cancel()
	start := time.Now()
	opts.EveryLook = true
	for _, err := range w.client().Watch(ctx, w.repos[mainHost].Tag("latest"), dir, opts) {
		at, errs = append(at, time.Since(start)), append(errs, err)
		if len(at) > 10_000 {
			w.t.Fatalf("10,000 checks in %v", at[len(at)-1])
		}
	}
	return at, errs
}

// pulled returns a directory that holds the newest snapshot.
func (w *mirrorWorld) pulled() string {
	w.t.Helper()
	dir := filepath.Join(w.t.TempDir(), "lei")
	_, err := w.client().PullSnapshot(w.t.Context(), w.repos[mainHost].Tag("latest"), dir)
	must(w.t, err)
	return dir
}

func TestNoDurationMakesAWatchCheckWithoutPause(t *testing.T) {
	unavailable := leiocitest.Status(http.StatusServiceUnavailable, "")
	for name, tc := range map[string]struct {
		opts    leioci.WatchOptions
		fault   leiocitest.Fault
		watched time.Duration
		most    int // checks
	}{
		"40 years":  {leioci.WatchOptions{Interval: 40 * years}, nil, 30 * years, 1},
		"the most":  {leioci.WatchOptions{Interval: math.MaxInt64}, nil, 200 * years, 1},
		"290 years": {leioci.WatchOptions{Interval: 290 * years}, nil, 200 * years, 1},
		"the most, for the first check": {leioci.WatchOptions{
			Interval: math.MaxInt64, FirstLook: math.MaxInt64,
		}, nil, time.Minute, 0},
		"the most, and a registry that is down": {leioci.WatchOptions{Interval: math.MaxInt64}, unavailable, 24 * time.Hour, 600},
		"the most, and a denial":                {leioci.WatchOptions{Interval: math.MaxInt64}, leiocitest.Status(http.StatusForbidden, "DENIED"), 200 * years, 40},
		"the most, and a limit of as much": {
			leioci.WatchOptions{Interval: math.MaxInt64},
			leiocitest.RetryAfter(http.StatusTooManyRequests, "99999999999999999999"), 200 * years, 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newMirrorWorld(t)
				dir := filepath.Join(t.TempDir(), "lei")
				if tc.opts.FirstLook > 0 {
					dir = w.pulled()
				}
				if tc.fault != nil {
					w.hosts[mainHost].On("", "/manifests/", leiocitest.Always, tc.fault)
				}
				at, _ := w.looks(dir, tc.opts, tc.watched)
				if len(at) > tc.most || len(at) == 0 && tc.most > 0 {
					t.Errorf("%d checks, want 1 to %d: %v", len(at), tc.most, at[:min(len(at), 50)])
				}
			})
		})
	}
}

func TestWatchChecksHourlyByDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newMirrorWorld(t)
		at, errs := w.looks(filepath.Join(t.TempDir(), "lei"), leioci.WatchOptions{}, 100*time.Hour)
		must(t, errors.Join(errs...))
		if len(at) < 90 || len(at) > 112 {
			t.Errorf("%d checks in 100 hours", len(at))
		}
	})
}

func TestWatchIsSoonBackAfterAnOutage(t *testing.T) {
	for name, status := range map[string]int{"unavailable": http.StatusServiceUnavailable, "absent": http.StatusNotFound} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newMirrorWorld(t)
				outage := w.hosts[mainHost].On("", "/manifests/", leiocitest.Always, leiocitest.Status(status, ""))
				const lasts = 5 * time.Hour
				time.AfterFunc(lasts, outage.Stop)
				at, errs := w.looks(filepath.Join(t.TempDir(), "lei"), leioci.WatchOptions{}, lasts+time.Hour)
				for i, err := range errs {
					if err == nil {
						if took := at[i] - lasts; took < 0 || took > 5*time.Minute {
							t.Errorf("back after %v", took)
						}
						return
					}
				}
				t.Errorf("never back: %v", errs)
			})
		})
	}
}

// TestWhatDoesNotPassByItselfIsNotCheckedOftenerThanTheInterval has a margin for the first checks,
// whose delays grow from a second.
func TestWhatDoesNotPassByItselfIsNotCheckedOftenerThanTheInterval(t *testing.T) {
	for name, tc := range map[string]struct {
		fault leiocitest.Fault
		pull  []leioci.PullOption
		kind  error
		set   func(w *mirrorWorld, dir string)
	}{
		"denied":             {leiocitest.Status(http.StatusForbidden, "DENIED"), nil, leioci.ErrDenied, nil},
		"unauthorized":       {leiocitest.Status(http.StatusUnauthorized, "UNAUTHORIZED"), nil, leioci.ErrUnauthorized, nil},
		"older than allowed": {nil, []leioci.PullOption{leioci.MaxAge(1)}, leioci.ErrStale, func(*mirrorWorld, string) { time.Sleep(time.Until(newer.AddDate(0, 0, 1))) }},
		"older than before": {nil, nil, leioci.ErrOlder, func(w *mirrorWorld, dir string) {
			must(w.t, os.RemoveAll(dir))
			must(w.t, os.CopyFS(dir, os.DirFS(leiocitest.WriteSnapshot(w.t, newer.AddDate(0, 0, 1), report))))
		}},
		"not a directory": {nil, nil, leioci.ErrTargetNotEmpty, func(w *mirrorWorld, dir string) { must(w.t, os.WriteFile(dir, nil, 0o600)) }},
		"corrupt":         {leiocitest.Corrupt(3), nil, leioci.ErrVerification, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newMirrorWorld(t)
				dir := filepath.Join(t.TempDir(), "lei")
				if tc.fault != nil {
					path := "/manifests/"
					if errors.Is(tc.kind, leioci.ErrVerification) {
						path = "/blobs/"
					}
					w.hosts[mainHost].On("", path, leiocitest.Always, tc.fault)
				}
				if tc.set != nil {
					tc.set(w, dir)
				}
				at, errs := w.looks(dir, leioci.WatchOptions{Pull: tc.pull}, 100*time.Hour)
				for _, err := range errs {
					if !errors.Is(err, tc.kind) {
						t.Fatalf("got %v, want %v", err, tc.kind)
					}
				}
				if n := len(at); n < 90 || n > 170 || at[2] > 10*time.Second {
					t.Errorf("%d checks in 100 hours, the first at %v", n, at[:min(n, 20)])
				}
			})
		})
	}
}

func TestAWatchWaitsAsLongAsTheRegistryAsksWithinReason(t *testing.T) {
	for name, tc := range map[string]struct {
		interval    time.Duration
		seconds     string
		least, most time.Duration
	}{
		"less than the interval":          {time.Hour, "1800", 30 * time.Minute, 33 * time.Minute},
		"more than the interval":          {time.Minute, "1800", 30 * time.Minute, 33 * time.Minute},
		"more than an hour":               {time.Minute, "21600", time.Hour, 66 * time.Minute},
		"more than an hour, rare checks":  {24 * time.Hour, "21600", 6 * time.Hour, 396 * time.Minute},
		"more than a lifetime":            {time.Minute, "9999999999", time.Hour, 66 * time.Minute},
		"nothing, as the first error is":  {time.Hour, "", 500 * time.Millisecond, time.Second},
		"a time that has passed, as well": {time.Hour, "Sat, 01 Jan 1999 00:00:00 GMT", 500 * time.Millisecond, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newMirrorWorld(t)
				w.hosts[mainHost].On("", "/manifests/", 1, leiocitest.RetryAfter(http.StatusTooManyRequests, tc.seconds))
				at, errs := w.looks(filepath.Join(t.TempDir(), "lei"), leioci.WatchOptions{Interval: tc.interval}, 7*time.Hour)
				if len(at) < 2 || errs[0] == nil || errs[1] != nil || at[1] < tc.least || at[1] > tc.most {
					t.Errorf("checks at %v, %v", at[:min(len(at), 3)], errs[:min(len(at), 3)])
				}
			})
		})
	}
}
