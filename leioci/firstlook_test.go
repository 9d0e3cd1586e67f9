package leioci_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci"
)

func TestTheFirstChecksOfAFleetWithSnapshotsAreSpread(t *testing.T) {
	for name, tc := range map[string]struct {
		opts leioci.WatchOptions
		over time.Duration
	}{
		"by default":                 {leioci.WatchOptions{}, time.Hour},
		"with a short interval":      {leioci.WatchOptions{Interval: time.Minute}, time.Minute},
		"with a long interval":       {leioci.WatchOptions{Interval: 24 * time.Hour}, time.Hour},
		"as asked":                   {leioci.WatchOptions{FirstLook: 10 * time.Minute}, 10 * time.Minute},
		"over more than an interval": {leioci.WatchOptions{Interval: time.Minute, FirstLook: 2 * time.Hour}, 2 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newMirrorWorld(t)
				dir := w.pulled()
				const fleet = 64
				var quarters [4]int
				for range fleet {
					start := time.Now()
					for _, err := range w.client().Watch(t.Context(), w.repos[mainHost].Tag("latest"), dir, tc.opts) {
						must(t, err)
						break
					}
					took := time.Since(start)
					if took >= tc.over {
						t.Fatalf("the first check came after %v", took)
					}
					quarters[4*took/tc.over]++
				}
				if slices.Min(quarters[:]) == 0 { // by chance once in 25 million runs
					t.Errorf("checks in each quarter of the time: %v", quarters)
				}
			})
		})
	}
}

func TestTheFirstCheckComesAtOnceIfTheDirectoryIsOfNoUse(t *testing.T) {
	truncate := func(t *testing.T, dir, file string) {
		t.Helper()
		must(t, os.Truncate(filepath.Join(dir, file), 10))
	}
	for name, tc := range map[string]struct {
		change func(t *testing.T, dir string)
		opts   leioci.WatchOptions
		kind   error
	}{
		"absent":                   {func(t *testing.T, dir string) { must(t, os.RemoveAll(dir)) }, leioci.WatchOptions{}, nil},
		"empty":                    {func(t *testing.T, dir string) { must(t, errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700))) }, leioci.WatchOptions{}, nil},
		"with damaged reports":     {func(t *testing.T, dir string) { truncate(t, dir, "cache.jsonl.gz") }, leioci.WatchOptions{}, nil},
		"with damaged metadata":    {func(t *testing.T, dir string) { truncate(t, dir, "manifest.json") }, leioci.WatchOptions{}, nil},
		"with a damaged manifest":  {func(t *testing.T, dir string) { truncate(t, dir, "oci-manifest.json") }, leioci.WatchOptions{}, nil},
		"without its OCI manifest": {func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, "oci-manifest.json"))) }, leioci.WatchOptions{}, nil},
		"not one to replace": {
			func(t *testing.T, dir string) { must(t, os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o600)) },
			leioci.WatchOptions{},
			leioci.ErrTargetNotEmpty,
		},
		"with a snapshot that is too old": {
			func(*testing.T, string) { time.Sleep(time.Until(newer.Add(2 * time.Hour))) },
			leioci.WatchOptions{Pull: []leioci.PullOption{leioci.MaxAge(time.Hour)}},
			leioci.ErrStale,
		},
		"in use, but this was asked for": {func(*testing.T, string) {}, leioci.WatchOptions{FirstLook: -1}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newMirrorWorld(t)
				dir := w.pulled()
				tc.change(t, dir)
				start := time.Now()
				for res, err := range w.client().Watch(t.Context(), w.repos[mainHost].Tag("latest"), dir, tc.opts) {
					if !errors.Is(err, tc.kind) || err == nil && !res.Date.Equal(newer) {
						t.Errorf("got %+v, %v", res, err)
					}
					break
				}
				if took := time.Since(start); took != 0 {
					t.Errorf("the first check came after %v", took)
				}
			})
		})
	}
}

func TestADirectoryThatCannotBeReplacedIsReportedWithoutARequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newMirrorWorld(t)
		dir := w.pulled()
		must(t, os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o600))
		before := len(w.hosts[mainHost].Requests())
		for _, err := range w.client().Watch(t.Context(), w.repos[mainHost].Tag("latest"), dir, leioci.WatchOptions{}) {
			if !errors.Is(err, leioci.ErrTargetNotEmpty) {
				t.Errorf("Watch: %v", err)
			}
			break
		}
		must(t, os.Remove(filepath.Join(dir, "oci-manifest.json"))) // now a pull would fetch everything
		if _, err := w.client().PullSnapshot(t.Context(), w.repos[mainHost].Tag("latest"), dir); !errors.Is(err, leioci.ErrTargetNotEmpty) {
			t.Errorf("PullSnapshot: %v", err)
		}
		if requests := w.hosts[mainHost].Requests()[before:]; len(requests) > 0 {
			t.Errorf("requests: %q", requests)
		}
	})
}

func TestALoopOverAWatchMayEndInAnyWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newMirrorWorld(t)
		reg, ref, dir := w.hosts[mainHost], w.repos[mainHost].Tag("latest"), w.pulled()
		opts := leioci.WatchOptions{FirstLook: -1}
		func() {
			defer func() {
				if got := recover(); got != "the caller's" {
					t.Errorf("recovered %v", got)
				}
			}()
			for _, err := range w.client().Watch(t.Context(), ref, dir, opts) {
				must(t, err)
				panic("the caller's")
			}
		}()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		opts.EveryLook = true
		seq := w.client().Watch(ctx, ref, dir, opts)
		for range 2 { // a sequence may be used again
			n := 0
			for _, err := range seq {
				must(t, err)
				if n++; n == 2 {
					break
				}
			}
		}
		before := 0
		for _, err := range seq {
			must(t, err)
			before = len(reg.Requests())
			cancel()
		}
		for res, err := range seq {
			t.Errorf("after the end: %v, %v", res, err)
		}
		if requests := reg.Requests()[before:]; len(requests) > 0 {
			t.Errorf("after the end: %q", requests)
		}
	})
}

// cancelOnInfo is a log hook that cancels a context when a pull logs its success.
type cancelOnInfo struct{ cancel context.CancelFunc }

func (cancelOnInfo) Levels() []logrus.Level { return []logrus.Level{logrus.InfoLevel} }

func (h cancelOnInfo) Fire(*logrus.Entry) error {
	h.cancel()
	return nil
}

func TestAChangeIsReportedEvenIfTheContextEndsWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newMirrorWorld(t)
		ctx, cancel := context.WithCancel(t.Context())
		w.logger.AddHook(cancelOnInfo{cancel})
		n := 0
		for res, err := range w.client().Watch(ctx, w.repos[mainHost].Tag("latest"), filepath.Join(t.TempDir(), "lei"), leioci.WatchOptions{}) {
			must(t, err)
			if n++; res.UpToDate || ctx.Err() == nil {
				t.Errorf("got %+v, %v", res, ctx.Err())
			}
		}
		if n != 1 {
			t.Errorf("%d results", n)
		}
	})
}

func TestAWatchThatIsCanceledBeforeItsFirstCheckAsksNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newMirrorWorld(t)
		dir := w.pulled()
		before := requestCount(w.hosts[mainHost], http.MethodHead)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Nanosecond, cancel)
		for res, err := range w.client().Watch(ctx, w.repos[mainHost].Tag("latest"), dir, leioci.WatchOptions{}) {
			t.Errorf("got %v, %v", res, err)
		}
		if n := requestCount(w.hosts[mainHost], http.MethodHead) - before; n > 0 {
			t.Errorf("%d requests", n)
		}
	})
}
