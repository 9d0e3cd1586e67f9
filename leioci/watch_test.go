package leioci_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// push pushes a snapshot of a date, with a report of that date, as latest.
func (w *mirrorWorld) push(date time.Time) {
	w.t.Helper()
	img, err := leioci.Package(w.t.Context(), leiocitest.WriteSnapshot(w.t, date, `{"data":{"repo":"https://example.org/a","risk":"`+date.Format(time.DateOnly)+`"}}`), leioci.PackageFuture())
	must(w.t, err)
	_, err = w.client(leioci.WithRetry(leioci.RetryPolicy{Attempts: 20})).PushSnapshot(w.t.Context(), w.repos[mainHost], []string{date.Format(time.DateOnly), "latest"}, img)
	must(w.t, err)
}

func TestWatchYieldsTheFirstPullEveryChangeAndEveryError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newMirrorWorld(t)
		reg, dir := w.hosts[mainHost], filepath.Join(t.TempDir(), "lei")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var got []string
		var at []time.Duration
		start := time.Now()
		for res, err := range w.client().Watch(ctx, w.repos[mainHost].Tag("latest"), dir, leioci.WatchOptions{Interval: time.Minute}) {
			at = append(at, time.Since(start))
			switch {
			case err != nil:
				got = append(got, kindOf(err))
			case res.UpToDate:
				got = append(got, "still "+res.Date.Format(time.DateOnly))
			default:
				got = append(got, res.Date.Format(time.DateOnly))
			}
			switch len(got) {
			case 1: // nothing changes for ten minutes, then there is a new snapshot
				time.AfterFunc(10*time.Minute, func() { w.push(newer.AddDate(0, 0, 1)) })
			case 2:
				reg.On("", "/manifests/", 2, leiocitest.Status(http.StatusInternalServerError, ""))
			case 5:
				reg.On("", "/manifests/", 1, leiocitest.RetryAfter(http.StatusTooManyRequests, "1800"))
			case 7:
				cancel()
			}
		}
		want := []string{"2026-02-08", "2026-02-09", "500", "500", "still 2026-02-09", "rate limited 1800", "still 2026-02-09"}
		if !slices.Equal(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
		for i, between := range [][2]time.Duration{
			{0, 0}, {10 * time.Minute, 11*time.Minute + 6*time.Second}, // at the next check after the change
			{54 * time.Second, 66 * time.Second}, {500 * time.Millisecond, time.Second}, {time.Second, 2 * time.Second}, // soon after an error
			{54 * time.Second, 66 * time.Second}, {30 * time.Minute, 33 * time.Minute}, // not before the registry allows it
		} {
			took := at[i]
			if i > 0 {
				took -= at[i-1]
			}
			if took < between[0] || took > between[1] {
				t.Errorf("%s came after %v, want %v to %v", got[i], took, between[0], between[1])
			}
		}
	})
}

func TestALookThatFindsNoChangeIsOneRequestAndReadsNoFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newMirrorWorld(t)
		dir := filepath.Join(t.TempDir(), "lei")
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		before := 0
		for _, err := range w.client().Watch(ctx, w.repos[mainHost].Tag("latest"), dir, leioci.WatchOptions{Interval: time.Minute}) {
			must(t, err)
			before = len(w.hosts[mainHost].Requests())
		}
		requests := w.hosts[mainHost].Requests()[before:]
		for _, r := range requests {
			if r != "HEAD /v2/org/lei-cache/manifests/latest" {
				t.Errorf("asked %s", r)
			}
		}
		if n := len(requests); n < 54 || n > 67 {
			t.Errorf("looked %d times in an hour", n)
		}
	})
}

func TestWatchYieldsEveryLookIfAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newMirrorWorld(t)
		looks := 0
		opts := leioci.WatchOptions{Interval: time.Minute, EveryLook: true}
		for res, err := range w.client().Watch(t.Context(), w.repos[mainHost].Tag("latest"), filepath.Join(t.TempDir(), "lei"), opts) {
			must(t, err)
			if res.UpToDate != (looks > 0) {
				t.Errorf("look %d: %+v", looks, res)
			}
			if looks++; looks == 5 {
				break
			}
		}
	})
}

func TestASnapshotWhoseReportsAreWrongIsRefusedAndNotFetchedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newMirrorWorld(t)
		reg, dir := w.hosts[mainHost], filepath.Join(t.TempDir(), "lei")
		ref := w.repos[mainHost].Tag("latest")
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		failed, blobs := 0, 0
		opts := leioci.WatchOptions{Interval: time.Minute, Pull: []leioci.PullOption{leioci.VerifyReports()}}
		for res, err := range w.client().Watch(ctx, ref, dir, opts) {
			switch {
			case err == nil: // the first snapshot is valid
				w.publishWrong(newer.AddDate(0, 0, 1))
				blobs = requestCount(reg, "GET /v2/org/lei-cache/blobs/")
			case !errors.Is(err, snapshot.ErrMismatch):
				t.Errorf("got %+v, %v", res, err)
			default:
				failed++
			}
		}
		if n := requestCount(reg, "GET /v2/org/lei-cache/blobs/") - blobs; failed < 10 || n != 1 { // the directory already has the reports
			t.Errorf("%d looks failed, and %d blobs were fetched", failed, n)
		}
		s, err := snapshot.Open(dir)
		must(t, err)
		defer s.Close()
		if !s.Metadata().Date.Equal(newer) {
			t.Errorf("the directory holds the snapshot of %v", s.Metadata().Date)
		}
		if _, err := w.client().PullSnapshot(t.Context(), ref, dir); err != nil {
			t.Errorf("without the option: %v", err)
		}
	})
}

// publishWrong pushes a snapshot as latest whose manifest.json counts one report too many.
func (w *mirrorWorld) publishWrong(date time.Time) {
	w.t.Helper()
	dir := leiocitest.WriteSnapshot(w.t, date, report)
	path := filepath.Join(dir, "manifest.json")
	must(w.t, os.WriteFile(path, bytes.Replace(readFile(w.t, path), []byte(`"entry_count": 1`), []byte(`"entry_count": 2`), 1), 0o644))
	img, err := leioci.Package(w.t.Context(), dir, leioci.PackageFuture())
	must(w.t, err)
	_, err = w.client().PushSnapshot(w.t.Context(), w.repos[mainHost], []string{"latest"}, img)
	must(w.t, err)
}

func TestWatchRefusesWrongOptions(t *testing.T) {
	w := newMirrorWorld(t)
	for name, opts := range map[string]leioci.WatchOptions{
		"negative interval":     {Interval: -1},
		"negative fill spread":  {FillSpread: -1},
		"interval without unit": {Interval: 3600},
		"no age":                {Pull: []leioci.PullOption{leioci.MaxAge(0)}},
		"nil option":            {Pull: []leioci.PullOption{leioci.AllowOlder(), nil}},
	} {
		n := 0
		for res, err := range w.client().Watch(t.Context(), w.repos[mainHost].Tag("latest"), filepath.Join(t.TempDir(), "lei"), opts) {
			if n++; err == nil || res != nil {
				t.Errorf("%s: got %v, %v", name, res, err)
			}
		}
		if n != 1 {
			t.Errorf("%s: %d yields", name, n)
		}
	}
}

func TestWatchEndsWhereItsLoopIsLeft(t *testing.T) {
	w := newMirrorWorld(t)
	for _, err := range w.client().Watch(t.Context(), w.repos[mainHost].Tag("latest"), filepath.Join(t.TempDir(), "lei"), leioci.WatchOptions{}) {
		must(t, err)
		break
	}
}

// TestReadersSeeWholeSnapshotsWhileHalfOfTheRequestsFail watches a tag for a minute. The tag moves
// every few seconds, and the registry fails half of the requests. Meanwhile, a reader looks up a
// repository a thousand times.
func TestReadersSeeWholeSnapshotsWhileHalfOfTheRequestsFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newMirrorWorld(t)
		time.Sleep(60 * 24 * time.Hour) // so that none of the snapshots is of the future
		reg, dir := w.hosts[mainHost], filepath.Join(t.TempDir(), "lei")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		ready := make(chan struct{})
		var once sync.Once
		var group sync.WaitGroup
		pulled, failed := 0, 0
		group.Go(func() {
			for res, err := range w.client().Watch(ctx, w.repos[mainHost].Tag("latest"), dir, leioci.WatchOptions{Interval: time.Second}) {
				switch {
				case err != nil:
					failed++
				case !res.UpToDate:
					pulled++
				}
				once.Do(func() { close(ready) })
			}
		})
		<-ready
		var mu sync.Mutex
		n := uint32(0)
		reg.On(http.MethodGet, "/org/", leiocitest.Always, func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
			mu.Lock()
			n = n*1664525 + 1013904223
			fails := n>>31 == 1 // a random half of them
			mu.Unlock()
			if fails {
				leiocitest.Status(http.StatusServiceUnavailable, "")(rw, r, registry)
				return
			}
			registry.ServeHTTP(rw, r)
		})
		group.Go(func() {
			for date := newer.AddDate(0, 0, 1); sleepUntil(ctx, 3*time.Second); date = date.AddDate(0, 0, 1) {
				w.push(date)
			}
		})
		for range 1000 {
			group.Go(func() { lookUp(t, dir) })
			time.Sleep(50 * time.Millisecond)
		}
		group.Wait()
		if pulled < 5 || failed == 0 {
			t.Errorf("%d snapshots were pulled, and %d pulls failed", pulled, failed)
		}
	})
}

func sleepUntil(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// lookUp opens the snapshot and finds the report, whose risk is the snapshot's date unless it is
// the first one.
func lookUp(t *testing.T, dir string) {
	s, err := snapshot.Open(dir)
	if err != nil {
		t.Error(err)
		return
	}
	defer s.Close()
	if err := s.Verify(t.Context()); err != nil {
		t.Errorf("a torn snapshot: %v", err)
	}
	found := 0
	for report, err := range s.Lookup(t.Context(), "https://example.org/a") {
		if found++; err != nil || report.Risk != "low" && report.Risk != s.Metadata().Date.Format(time.DateOnly) {
			t.Errorf("got %+v, %v in the snapshot of %v", report, err, s.Metadata().Date)
		}
	}
	if found != 1 {
		t.Errorf("found %d reports", found)
	}
}
