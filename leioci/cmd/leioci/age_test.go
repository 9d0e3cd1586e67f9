package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestPullSaysHowOldASnapshotIsAndRefusesOneThatIsTooOld(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	ref := reg.Host() + "/org/lei-cache"
	dir := leiocitest.WriteSnapshot(t, time.Now().Add(-3*day-time.Hour))
	if status, _, stderr := leiociIn(t, t.TempDir(), "", "push", dir, ref); status != 0 {
		t.Fatal(stderr)
	}
	work := t.TempDir()
	for range 2 { // the second one is up to date
		if status, _, stderr := leiociIn(t, work, "", "pull", ref, "--max-age", "4d"); status != 0 || !strings.Contains(stderr, ", 3 days old") {
			t.Errorf("%d, %q", status, stderr)
		}
	}
	fresh := filepath.Join(t.TempDir(), "lei")
	for _, out := range []string{fresh, filepath.Join(work, "lei-cache-latest")} {
		if status, _, stderr := leiociIn(t, work, "", "pull", ref, "--max-age", "72h", "-o", out); status != 1 || !strings.Contains(stderr, "stale snapshot") {
			t.Errorf("%d, %q", status, stderr)
		}
	}
	for _, wrong := range []string{"0", "-1h", "2w", "d", "-1d"} {
		if status, _, stderr := leiociIn(t, work, "", "pull", ref, "--max-age="+wrong); status == 0 || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: %d, %q", wrong, status, stderr)
		}
	}
}

func TestAnAgeReadsAsAPersonWouldSayIt(t *testing.T) {
	date := time.Date(2026, 2, 8, 0, 0, 0, 0, time.UTC)
	for after, want := range map[time.Duration]string{
		0: "dated today", 23 * time.Hour: "dated today", day: "1 day old", 3*day - 1: "2 days old", -time.Hour: "dated in the future",
	} {
		if got := describeAge(&leioci.PullResult{Date: date}, date.Add(after)); got != "snapshot of 2026-02-08, "+want {
			t.Errorf("after %v: got %q", after, got)
		}
	}
	if got := describeAge(&leioci.PullResult{}, date); got != "snapshot of unknown date" {
		t.Errorf("got %q", got)
	}
}
