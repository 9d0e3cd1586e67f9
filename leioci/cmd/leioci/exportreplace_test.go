package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestExportReplacesASnapshotAndNothingElse(t *testing.T) {
	work := t.TempDir()
	writeFile(t, filepath.Join(work, "in"), reportA)
	old := leiocitest.WriteSnapshot(t, time.Now(), reportB, reportB) // newer than what replaces it
	foreign := filepath.Join(work, "foreign")
	for _, err := range []error{
		os.Rename(old, filepath.Join(work, "old")), os.Mkdir(filepath.Join(work, "empty"), 0o700),
		os.Symlink("old", filepath.Join(work, "to-old")), os.Mkdir(foreign, 0o700),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	writeFile(t, filepath.Join(foreign, "notes.txt"), "mine")
	for _, out := range []string{"old", "empty", "to-old", "absent/lei"} {
		if status, stdout, stderr := (shell{dir: work}).run(t, "export", "--input", "in", "-o", out, "--date", "2026-02-08"); status != 0 || stdout != out+"\n" {
			t.Errorf("%s: %d, %q, %q", out, status, stdout, stderr)
		}
		if got := reportsIn(t, filepath.Join(work, out)); len(got) != 1 || got[0] != reportA {
			t.Errorf("%s: %q", out, got)
		}
	}
	for out, says := range map[string]string{
		"foreign": `contains "notes.txt"`, "in": "not a directory", ".": "working directory", "in/lei": "not a directory", "": "--output is empty",
	} {
		unread := &reading{Reader: strings.NewReader(reportA)}
		status, stdout, stderr := shell{dir: work, stdin: unread}.run(t, "export", "--input", "-", "-o", out)
		if status == 0 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, says) || unread.begun {
			t.Errorf("%q: %d, %q, %q; its input was read: %v", out, status, stdout, stderr, unread.begun)
		}
	}
	// What looks like a snapshot at first, and is more.
	writeFile(t, filepath.Join(work, "old", "notes.txt"), "mine")
	if status, _, stderr := (shell{dir: work}).run(t, "export", "--input", "in", "-o", "old"); status != 1 || !strings.Contains(stderr, "notes.txt") {
		t.Errorf("%d, %q", status, stderr)
	}
	assertEntries(t, work, "absent", "empty", "foreign", "in", "old", "to-old")
	assertEntries(t, foreign, "notes.txt")
}

// reading is an input that remembers whether it was read.
type reading struct {
	io.Reader
	begun bool
}

func (r *reading) Read(p []byte) (int, error) {
	r.begun = true
	return r.Reader.Read(p)
}
