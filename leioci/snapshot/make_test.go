package snapshot_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

const sampleDir = "../testdata/lei-0.9.1"

// manifest holds the members of a test's manifest.json.
type manifest map[string]any

// compress returns content as one gzip member.
func compress(t testing.TB, content string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// describing returns a manifest.json that matches content and cache.
func describing(content string, cache []byte) manifest {
	hash := sha256.Sum256([]byte(strings.ReplaceAll(content, "\n", "")))
	count := strings.Count(content, "\n")
	if content != "" && !strings.HasSuffix(content, "\n") {
		count++
	}
	return manifest{
		"format_version": "1.0", "lei_version": "0.9.1", "created": "2026-02-08T02:00:00.123456Z", "date": "2026-02-08",
		"entry_count": count, "raw_size": len(content), "compressed_size": len(cache),
		"content_hash": hex.EncodeToString(hash[:]),
	}
}

// write makes a snapshot directory.
func write(t testing.TB, m manifest, cache []byte) string {
	t.Helper()
	dir := t.TempDir()
	writeIn(t, dir, m, cache)
	return dir
}

func writeIn(t testing.TB, dir string, m manifest, cache []byte) {
	t.Helper()
	data, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, snapshot.ManifestFile), data)
	writeFile(t, filepath.Join(dir, snapshot.CacheFile), cache)
}

func writeFile(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// open opens the snapshot in dir for the test's duration.
func open(t testing.TB, dir string) *snapshot.Snapshot {
	t.Helper()
	s, err := snapshot.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// reposOf returns the names that the snapshot's manifest.json lists.
func reposOf(t testing.TB, s *snapshot.Snapshot) []string {
	t.Helper()
	var repos []string
	for repo, err := range s.Repos() {
		if err != nil {
			t.Fatal(err)
		}
		repos = append(repos, repo)
	}
	return repos
}

// openContent opens a snapshot of content, in one gzip member, with a matching manifest.json.
func openContent(t testing.TB, content string) *snapshot.Snapshot {
	t.Helper()
	cache := compress(t, content)
	return open(t, write(t, describing(content, cache), cache))
}

// line returns a report on repo, with its newline.
func line(repo string) string {
	return `{"header":{"repo":"` + repo + `"},"data":{"repo":"` + repo + `","risk":"low"}}` + "\n"
}

// wantLineError fails the test unless err is a *LineError with the given line number and kind.
func wantLineError(t testing.TB, err error, number int64, kind error) {
	t.Helper()
	var lineErr *snapshot.LineError
	if !errors.As(err, &lineErr) {
		t.Fatalf("error %v is not a *LineError", err)
	}
	if lineErr.Line != number || !errors.Is(err, kind) {
		t.Errorf("got %q, want line %d and %q", err, number, kind)
	}
}
