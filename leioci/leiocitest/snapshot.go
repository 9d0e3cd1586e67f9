package leiocitest

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// WriteSnapshot writes a snapshot to a temporary directory and returns its path. The snapshot has
// the given date and reports, each report a JSON object on one line. Its counts and hashes are
// correct, whatever the reports are.
func WriteSnapshot(t testing.TB, date time.Time, reports ...string) string {
	t.Helper()
	lines := strings.Join(reports, "\n")
	if len(reports) > 0 {
		lines += "\n"
	}
	var cache bytes.Buffer
	zw := gzip.NewWriter(&cache)
	if _, err := zw.Write([]byte(lines)); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256([]byte(strings.Join(reports, "")))
	manifest, err := json.MarshalIndent(map[string]any{
		"format_version":  "1.0",
		"lei_version":     "0.9.1",
		"created":         date.UTC().Format("2006-01-02T15:04:05.000000Z"),
		"date":            date.UTC().Format(time.DateOnly),
		"entry_count":     len(reports),
		"repos":           repos(reports),
		"raw_size":        len(lines),
		"compressed_size": cache.Len(),
		"content_hash":    hex.EncodeToString(hash[:]),
	}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, data := range map[string][]byte{"manifest.json": manifest, "cache.jsonl.gz": cache.Bytes()} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// repos lists the repositories of the reports, each once, in the order of their first appearance.
func repos(reports []string) []string {
	seen := map[string]bool{}
	names := []string{}
	for _, line := range reports {
		var report struct {
			Header, Data struct{ Repo string }
		}
		repo := "unknown"
		if json.Unmarshal([]byte(line), &report) == nil {
			for _, candidate := range []string{report.Header.Repo, report.Data.Repo} {
				if candidate != "" {
					repo = candidate
				}
			}
		}
		if !seen[repo] {
			seen[repo] = true
			names = append(names, repo)
		}
	}
	return names
}
