package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestAWrongExportIsStatus2AndReadsNothing(t *testing.T) {
	for _, tc := range []struct {
		says string
		env  string
		args []string
	}{
		{"no --input", "", nil},
		{"usage: leioci export", "", []string{"--input=-", "more"}},
		{`unexpected argument "reports.jsonl"`, "", []string{"reports.jsonl"}},
		{`--lei-version "0.9.1\r"`, "", []string{"--input=-", "--lei-version", "0.9.1\r"}},
		{`--lei-version "\xff"`, "", []string{"--input=-", "--lei-version", "\xff"}},
		{"--lei-version", "", []string{"--input=-", "--lei-version", strings.Repeat("9", 257)}},
		{`--date "0001-01-01"`, "", []string{"--input=-", "--date", "0001-01-01"}}, // the zero time
		{"--input is empty", "", []string{"--input", ""}},
		{"--input - is given twice", "", []string{"--input=-", "--input", "-"}},
		{"--output is empty", "", []string{"--input=-", "-o", ""}},
		{`--date "tomorrow"`, "", []string{"--input=-", "--date", "tomorrow"}},
		{`--date "2026-02-30"`, "", []string{"--input=-", "--date", "2026-02-30"}},
		{`--created "2026-02-08"`, "", []string{"--input=-", "--created", "2026-02-08"}},
		{`--created "1770519600000"`, "", []string{"--input=-", "--created", "1770519600000"}}, // milliseconds
		{`SOURCE_DATE_EPOCH "yesterday"`, "yesterday", []string{"--input=-"}},
		{`SOURCE_DATE_EPOCH "-1"`, "-1", []string{"--input=-"}},
		{"registry/repository[:tag]", "", []string{"--input=-", "--push", "invalid"}},
		{"cannot push to a digest", "", []string{"--input=-", "--push", "localhost:1/a/b@sha256:" + strings.Repeat("0", 64)}},
	} {
		unread := &reading{Reader: strings.NewReader(reportA)}
		sh := shell{dir: t.TempDir(), stdin: unread, env: map[string]string{"SOURCE_DATE_EPOCH": tc.env}}
		status, stdout, stderr := sh.run(t, append([]string{"export"}, tc.args...)...)
		if status != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, tc.says) || unread.begun {
			t.Errorf("%q: %d, %q, %q", tc.args, status, stdout, stderr)
		}
		assertEntries(t, sh.dir)
	}
	for _, in := range []string{"absent", "."} {
		if status, _, stderr := (shell{dir: t.TempDir()}).run(t, "export", "--input", in); status == 0 || !strings.Contains(stderr, in) {
			t.Errorf("%s: %d, %q", in, status, stderr)
		}
	}
}

func TestExportPushesWhatItWrote(t *testing.T) {
	one, two := leiocitest.NewRegistry(t), leiocitest.NewRegistry(t)
	work := t.TempDir()
	a, b := one.Host()+"/org/a", two.Host()+"/org/b"
	// Whatever becomes of the directory meanwhile.
	taken := one.On(http.MethodPost, "/blobs/uploads/", 1, func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		if err := os.RemoveAll(filepath.Join(work, "lei")); err != nil {
			t.Error(err)
		}
		registry.ServeHTTP(w, r)
	})
	sh := shell{dir: work, stdin: strings.NewReader(reportA)}
	status, stdout, stderr := sh.run(t, "export", "--input=-", "-o", "lei", "--date", "2026-02-08", "--push", a, "--push", b+":v1")
	lines := strings.Fields(stdout)
	if status != 0 || taken.Hits() != 1 || len(lines) != 2 || !strings.HasPrefix(lines[0], a+"@sha256:") || !strings.HasPrefix(lines[1], b+"@sha256:") {
		t.Fatalf("%d, %q, %q", status, stdout, stderr)
	}
	assertPut(t, one, "2026-02-08", "latest", "weekly")
	assertPut(t, two, "v1")
	for _, ref := range append(lines, a+":weekly", b+":v1") {
		if status, _, stderr := leiociIn(t, work, "", "pull", "--verify", ref, "-o", "back"); status != 0 {
			t.Fatal(stderr)
		}
		if got := reportsIn(t, filepath.Join(work, "back")); len(got) != 1 || got[0] != reportA {
			t.Errorf("%s: %q", ref, got)
		}
	}
	sh.stdin = strings.NewReader(reportB)
	if status, stdout, stderr := sh.run(t, "export", "--input=-", "-o", "lei", "--date", "2026-02-07", "--push", a); status != 3 || stdout != "" ||
		!strings.Contains(stderr, "wrote lei: ") || !strings.Contains(stderr, "--allow-move-back") {
		t.Errorf("an older one: %d, %q, %q", status, stdout, stderr)
	}
	sh.stdin = strings.NewReader(reportB)
	if status, _, stderr := sh.run(t, "export", "--input=-", "-o", "lei", "--date", "2026-02-07", "--push", a, "--allow-move-back"); status != 0 {
		t.Errorf("--allow-move-back: %d, %q", status, stderr)
	}
	assertEntries(t, work, "back", "lei")
}

func TestExportRefusesADateInTheFutureUnlessAllowed(t *testing.T) {
	date := time.Now().AddDate(1, 0, 0).Format(time.DateOnly)
	sh := shell{dir: t.TempDir(), stdin: strings.NewReader(reportA)}
	if status, _, stderr := sh.run(t, "export", "--input=-", "-o", "lei", "--date", date); status != 3 || !strings.Contains(stderr, "--allow-future") {
		t.Errorf("%d, %q", status, stderr)
	}
	assertEntries(t, sh.dir)
	reg := leiocitest.NewRegistry(t)
	sh.stdin = strings.NewReader(reportA)
	if status, _, stderr := sh.run(t, "export", "--input=-", "-o", "lei", "--date", date, "--allow-future", "--push", reg.Host()+"/org/a"); status != 0 {
		t.Errorf("%d, %q", status, stderr)
	}
}

// TestAnInterruptedExportLeavesWhatWasThere interrupts it while it waits for standard input, which
// nothing else ends, and while it pushes.
func TestAnInterruptedExportLeavesWhatWasThere(t *testing.T) {
	work := t.TempDir()
	old := leiocitest.WriteSnapshot(t, time.Now(), reportB)
	if err := os.Rename(old, filepath.Join(work, "lei")); err != nil {
		t.Fatal(err)
	}
	silent := &silent{reached: make(chan struct{}), release: make(chan struct{})}
	defer close(silent.release)
	ctx, interrupt := context.WithCancel(t.Context())
	go func() { <-silent.reached; interrupt() }()
	status, stdout, stderr := shell{dir: work, stdin: io.MultiReader(strings.NewReader(reportA+"\n"), silent)}.runUntil(t, ctx, "export", "--input=-", "-o", "lei")
	if status != 130 || stdout != "" || stderr != "leioci: interrupted; run it again to continue\n" {
		t.Errorf("%d, %q, %q", status, stdout, stderr)
	}
	assertEntries(t, work, "lei")
	if got := reportsIn(t, filepath.Join(work, "lei")); len(got) != 1 || got[0] != reportB {
		t.Errorf("%q", got)
	}

	reg := leiocitest.NewRegistry(t)
	reached := make(chan struct{}, 8)
	reg.On("", "/v2/", leiocitest.Always, leiocitest.Hang(reached))
	ctx, interrupt = context.WithCancel(t.Context())
	go func() { <-reached; interrupt() }()
	sh := shell{dir: work, stdin: strings.NewReader(reportA)}
	if status, stdout, _ := sh.runUntil(t, ctx, "export", "--input=-", "-o", "lei", "--push", reg.Host()+"/org/a"); status != 130 || stdout != "" {
		t.Errorf("%d, %q", status, stdout)
	}
	assertEntries(t, work, "lei") // whole: it was complete before it was pushed
	if got := reportsIn(t, filepath.Join(work, "lei")); len(got) != 1 || got[0] != reportA {
		t.Errorf("%q", got)
	}
}

// silent is an input of which nothing comes, not even its end.
type silent struct{ reached, release chan struct{} }

func (s *silent) Read([]byte) (int, error) {
	close(s.reached)
	<-s.release
	return 0, io.EOF
}
