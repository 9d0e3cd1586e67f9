package main

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// shown returns what a transfer shows in a log.
func shown(t *testing.T, network *networkFlags, transfer func(tell func(leioci.Event))) string {
	t.Helper()
	var out strings.Builder
	env := environment{getenv: func(string) string { return "" }, stderr: &out}
	failed := errors.New("failed")
	if err := network.show(env, func(leioci.TransferOption) error { return failed }); err != failed { //nolint:errorlint // the very same
		t.Errorf("got %v", err)
	}
	tally := newTally()
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		to := network.standardError(env)
		drawUntil(stop, tally, to, logEvery, logEvery, func() view { return lines{to} })
	}()
	transfer(tally.note)
	close(stop)
	<-done
	return out.String()
}

func TestALogGetsALineEveryTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := shown(t, &networkFlags{}, func(tell func(leioci.Event)) {
			e := leioci.Event{Blob: 1, Name: "cache.jsonl.gz", Phase: leioci.PhaseFetching, Done: 50e6, Resumed: 50e6, Total: 377e6}
			tell(leioci.Event{Blob: 2, Name: "manifest.json", Phase: leioci.PhaseDone, Done: 1000, Total: 1000})
			time.Sleep(50 * time.Millisecond)
			for range 250 {
				tell(e)
				e.Done += 1e6
				time.Sleep(100 * time.Millisecond)
			}
			e.Phase = leioci.PhaseIndexing
			tell(e)
			time.Sleep(10 * time.Second)
			e.Phase = leioci.PhaseDone
			tell(e)
			time.Sleep(10 * time.Second)
		})
		want := `leioci: fetching: 39%, 149.0 MB of 377.0 MB, 9.9 MB/s, 23s left
leioci: fetching: 66%, 249.0 MB of 377.0 MB, 10.0 MB/s, 13s left
leioci: indexing cache.jsonl.gz, 377.0 MB
`
		if got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	})
}

func TestAShortTransferShowsNothingInALog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := shown(t, &networkFlags{}, func(tell func(leioci.Event)) {
			tell(leioci.Event{Blob: 1, Phase: leioci.PhaseFetching, Done: 1, Total: 2})
			time.Sleep(9 * time.Second)
		})
		if got != "" {
			t.Errorf("got %q", got)
		}
	})
}

func TestWhatIsShownMakesSenseWhateverTheNumbers(t *testing.T) {
	for _, tc := range []struct {
		done, total int64
		rate        float64
		want        string
	}{
		{0, 0, 0, "0 bytes"},
		{5, -1, 0, "5 bytes"},
		{5, -1, 100, "5 bytes, 100 bytes/s"},
		{-5, 10, -1, "0%, 0 bytes of 10 bytes"},
		{999, 1000, 1, "99%, 999 bytes of 1.0 kB, 1 byte/s, 1s left"},
		{2000, 1000, 1, "100%, 2.0 kB of 1.0 kB, 1 byte/s"},
		{0, 1 << 62, 1, "0%, 0 bytes of 4.6 EB, 1 byte/s"},
		{0, 7300, 1, "0%, 0 bytes of 7.3 kB, 1 byte/s, 2h2m left"},
		{1 << 62, 1 << 62, 1e30, "100%, 4.6 EB of 4.6 EB, 4.6 EB/s"},
	} {
		if got := amounts(tc.done, tc.total, tc.rate); got != tc.want {
			t.Errorf("%d of %d at %v: got %q, want %q", tc.done, tc.total, tc.rate, got, tc.want)
		}
	}
}

func TestARateOutlivesResetsAndClocksThatJump(t *testing.T) {
	begin := time.Date(2026, 2, 8, 0, 0, 0, 0, time.UTC) // without a monotonic clock
	var m meter
	if m.note(5, begin); m.rate(begin) != 0 {
		t.Error("one point is no rate")
	}
	m.note(1005, begin.Add(time.Second))
	if got := m.rate(begin.Add(time.Second)); got != 1000 {
		t.Errorf("got %v", got)
	}
	if got := m.rate(begin.Add(10 * time.Second)); got != 100 {
		t.Errorf("after a halt: %v", got)
	}
	m.note(0, begin.Add(2*time.Second)) // again from the beginning
	if got := m.rate(begin.Add(3 * time.Second)); got != 0 {
		t.Errorf("after a reset: %v", got)
	}
	m.note(500, begin.Add(3*time.Second))
	m.note(600, begin.Add(-time.Hour)) // the clock was set back
	if got := m.rate(begin.Add(-2 * time.Hour)); got != 0 {
		t.Errorf("after the clock went back: %v", got)
	}
	for n := range int64(1000) {
		m.note(1000*n, begin.Add(time.Duration(n)*time.Second))
	}
	if got := m.rate(begin.Add(999 * time.Second)); got != 1000 || len(m.points) > samples+2 {
		t.Errorf("got %v of %d points", got, len(m.points))
	}
}

func TestControlCharactersOfANameAreNotShown(t *testing.T) {
	name := "\x1b[2J\r\n" + strings.Repeat("x", 1000)
	if got := barName(name); strings.ContainsAny(got, "\x1b\r\n") || len([]rune(got)) > 24 {
		t.Errorf("got %q", got)
	}
	tally := newTally()
	tally.note(leioci.Event{Blob: 1, Name: name, Phase: leioci.PhaseHashing})
	var out strings.Builder
	lines{&stderr{direct: &out}}.draw(tally)
	if got := out.String(); strings.Count(got, "\n") != 1 || strings.ContainsAny(got, "\x1b\r") {
		t.Errorf("got %q", got)
	}
}

func TestQuietLeavesOnlyTheResult(t *testing.T) {
	reg, dir, work := leiocitest.NewRegistry(t).Host()+"/org/lei-cache", absolute(t), t.TempDir()
	for _, tc := range []struct {
		args []string
		out  string
	}{
		{[]string{"push", "-q", dir, reg}, reg + "@sha256:"},
		{[]string{"pull", "--quiet", reg, "-o", "lei"}, reg + "@sha256:"},
		{[]string{"pull", "-q", reg, "-o", "lei"}, reg + "@sha256:"},
		{[]string{"verify", "-q", reg}, ""},
	} {
		if status, stdout, stderr := leiociIn(t, work, "", tc.args...); status != 0 || stderr != "" || !strings.HasPrefix(stdout, tc.out) || stdout == "" {
			t.Errorf("%q: %d, %q, %q", tc.args, status, stdout, stderr)
		}
	}
	if status, _, stderr := leiociIn(t, work, "", "pull", "-q", reg+":absent"); status != 7 || strings.Count(stderr, "\n") != 1 {
		t.Errorf("%d, %q", status, stderr)
	}
}
