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
	dir := leiocitest.WriteSnapshot(t, time.Now().UTC().Truncate(day).Add(-3*day)) // at any time of the day
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
		if status, _, stderr := leiociIn(t, work, "", "pull", ref, "--max-age", "72h", "-o", out); status != 3 || !strings.Contains(stderr, "stale snapshot") {
			t.Errorf("%d, %q", status, stderr)
		}
	}
}

func TestAMaximumAgeIsAPositiveNumberOfDaysOrADuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"2d": 2 * day, "36h": 36 * time.Hour, "1.5h": 90 * time.Minute, "1h30m": 90 * time.Minute, "1ns": 1, "65535d": 65535 * day,
		"2562047h": 2562047 * time.Hour,
	} {
		var d days
		if err := d.Set(text); err != nil || time.Duration(d) != want {
			t.Errorf("%s: got %v, %v", text, time.Duration(d), err)
		}
	}
	work := t.TempDir()
	for _, wrong := range []string{
		"", "0", "0d", "0h", "-1h", "-1d", "-0d", "+1d", "1.5d", "1e3d", "1_000d", "0x2d", " 2d", "2 d", "2D", "2w", "d", "2d12h", "2dd", "２d",
		"65536d", "106752d", "18446744073709551617d", "99999999999999999999d", "2562048h", "9223372036854775808ns", "NaNh", "Inf", "48",
	} {
		status, stdout, stderr := leiociIn(t, work, "", "pull", "registry.invalid/org/lei-cache", "--max-age="+wrong)
		if status != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "--max-age") {
			t.Errorf("%q: %d, %q, %q", wrong, status, stdout, stderr)
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
