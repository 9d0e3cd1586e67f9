package main

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

func TestAnImportThatCannotIndexSaysSo(t *testing.T) {
	dir, _ := writeRisky(t)
	if runtime.GOOS == "windows" || os.Geteuid() == 0 {
		// Something else that is in the way of the index: a directory of its name.
		if err := os.MkdirAll(filepath.Join(dir, snapshot.IndexFile, "x"), 0o700); err != nil {
			t.Fatal(err)
		}
	} else {
		if err := os.Chmod(dir, 0o500); err != nil { //nolint:gosec // a directory is entered
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(dir, 0o700) }) //nolint:gosec // the same
	}
	status, stdout, stderr := leiociIn(t, t.TempDir(), "", "import", dir)
	if status != 0 || !strings.HasPrefix(stdout, "snapshot        "+dir+", verified\n") || !strings.Contains(stdout, "undetermined  1") {
		t.Errorf("%d, %q", status, stdout)
	}
	if strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "leioci: warning: ") || !strings.Contains(stderr, "no index could be made") {
		t.Errorf("%q", stderr)
	}
}

// TestWhatTheIndexSaysIsNotTakenForManifestJSON changes manifest.json without changing its size or
// its time, as a failing disk may.
func TestWhatTheIndexSaysIsNotTakenForManifestJSON(t *testing.T) {
	dir := leiocitest.WriteSnapshot(t, time.Now(), reportA)
	if status, _, stderr := leiociIn(t, t.TempDir(), "", "import", dir); status != 0 {
		t.Fatal(stderr)
	}
	s, err := snapshot.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := checkManifest(s); err != nil {
		t.Error(err)
	}
	path := filepath.Join(dir, "manifest.json")
	manifest, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, strings.Replace(string(manifest), `"entry_count": 1`, `"entry_count": 2`, 1))
	if err := os.Chtimes(path, time.Time{}, s.Files()[0].Info().ModTime()); err != nil {
		t.Fatal(err)
	}
	if err := checkManifest(s); !errors.Is(err, snapshot.ErrChanged) {
		t.Errorf("got %v", err)
	}
	if status, stdout, stderr := leiociIn(t, t.TempDir(), "", "verify", dir); status != 4 || stdout != "" || !strings.Contains(stderr, "entry count") {
		t.Errorf("%d, %q, %q", status, stdout, stderr)
	}
}

func TestPullAndExportIndexIfAsked(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	ref := reg.Host() + "/org/lei-cache"
	pushAnything(t, leiocitest.WriteSnapshot(t, time.Now(), reportA), ref)
	work := t.TempDir()
	for _, says := range []string{"pulled into lei, verified: ", "up to date in lei, verified: "} {
		if status, _, stderr := leiociIn(t, work, "", "pull", "--index", ref, "-o", "lei"); status != 0 || !strings.HasPrefix(stderr, says) {
			t.Errorf("%d, %q", status, stderr)
		}
	}
	for range 2 { // the second replaces what has an index
		sh := shell{dir: work, stdin: strings.NewReader(reportA)}
		if status, _, stderr := sh.run(t, "export", "--input=-", "--index", "-o", "exported"); status != 0 {
			t.Error(stderr)
		}
	}
	for _, dir := range []string{"lei", "exported"} {
		if _, err := os.Stat(filepath.Join(work, dir, snapshot.IndexFile)); err != nil {
			t.Error(err)
		}
		if status, stdout, stderr := leiociIn(t, work, "", "verify", dir); status != 0 || !strings.Contains(stdout, dir+", verified and indexed") {
			t.Errorf("%d, %q, %q", status, stdout, stderr)
		}
	}
	// An import has made one: the directory can be replaced all the same.
	if status, _, stderr := leiociIn(t, work, "", "import", "lei"); status != 0 {
		t.Error(stderr)
	}
	pushAnything(t, leiocitest.WriteSnapshot(t, time.Now(), reportA, reportB), ref)
	if status, _, stderr := leiociIn(t, work, "", "pull", ref, "-o", "lei"); status != 0 {
		t.Error(stderr)
	}
	assertEntries(t, filepath.Join(work, "lei"), "cache.jsonl.gz", "config.json", "manifest.json", "oci-manifest.json")
}
