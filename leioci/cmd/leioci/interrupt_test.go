package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// TestAnInterruptInAnyPhaseLeavesTheOldSnapshot interrupts a pull of a new snapshot, which the next
// run then completes.
func TestAnInterruptInAnyPhaseLeavesTheOldSnapshot(t *testing.T) {
	for name, tc := range map[string]struct {
		method, path string
		fault        func(reached chan<- struct{}) leiocitest.Fault
	}{
		"before the registry responds": {"", "/v2/", leiocitest.Hang},
		"at the tag":                   {http.MethodHead, "/manifests/", leiocitest.Hang},
		"at the manifest":              {http.MethodGet, "/manifests/", leiocitest.Hang},
		"at a blob":                    {http.MethodGet, "/blobs/", leiocitest.Hang},
		"in a blob":                    {http.MethodGet, "/blobs/", announced(leiocitest.Stall(20))},
		"while it waits to try again":  {http.MethodGet, "/blobs/", announced(leiocitest.RetryAfter(http.StatusServiceUnavailable, "50"))},
	} {
		t.Run(name, func(t *testing.T) {
			reg, work := leiocitest.NewRegistry(t), t.TempDir()
			ref := reg.Host() + "/org/lei-cache"
			publish := func(date time.Time) {
				t.Helper()
				dir := leiocitest.WriteSnapshot(t, date, `{"data":{"repo":"https://example.org/a","risk":"`+date.Format(time.DateOnly)+`"}}`)
				if status, _, stderr := leiociIn(t, work, "", "push", dir, ref); status != 0 {
					t.Fatal(stderr)
				}
			}
			first := time.Date(2026, 2, 8, 0, 0, 0, 0, time.UTC)
			publish(first)
			if status, _, stderr := leiociIn(t, work, "", "pull", ref, "-o", "lei"); status != 0 {
				t.Fatal(stderr)
			}
			publish(first.AddDate(0, 0, 1))
			reached := make(chan struct{}, 8)
			fault := reg.On(tc.method, tc.path, leiocitest.Always, tc.fault(reached))
			ctx, interrupt := context.WithCancel(t.Context())
			go func() { <-reached; interrupt() }()
			var out, errs strings.Builder
			status := run(ctx, []string{"pull", ref, "-o", "lei", "--verify"}, environment{func(string) string { return "" }, strings.NewReader(""), &out, &errs})
			if status != 130 || out.Len() > 0 || errs.String() != "leioci: interrupted; run it again to continue\n" {
				t.Errorf("%d, %q, %q", status, out.String(), errs.String())
			}
			assertWhole(t, filepath.Join(work, "lei"), first)
			if left, err := filepath.Glob(filepath.Join(work, ".leioci-staging-*")); err != nil || len(left) > 0 {
				t.Errorf("left behind: %q, %v", left, err)
			}
			fault.Stop()
			if status, _, stderr := leiociIn(t, work, "", "pull", ref, "-o", "lei", "--verify"); status != 0 {
				t.Errorf("again: %d, %q", status, stderr)
			}
			assertWhole(t, filepath.Join(work, "lei"), first.AddDate(0, 0, 1))
			if entries, err := os.ReadDir(work); err != nil || len(entries) != 1 {
				t.Errorf("left behind: %v, %v", entries, err)
			}
		})
	}
}

// announced returns a maker of faults that say when they were reached.
func announced(fault leiocitest.Fault) func(chan<- struct{}) leiocitest.Fault {
	return func(reached chan<- struct{}) leiocitest.Fault {
		return func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
			select {
			case reached <- struct{}{}:
			default:
			}
			fault(w, r, registry)
		}
	}
}

func assertWhole(t *testing.T, dir string, date time.Time) {
	t.Helper()
	s, err := snapshot.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Verify(t.Context()); err != nil || !s.Metadata().Date.Equal(date) {
		t.Errorf("the directory holds the snapshot of %v, want %v: %v", s.Metadata().Date, date, err)
	}
}
