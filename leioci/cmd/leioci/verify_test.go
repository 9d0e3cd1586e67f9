package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestVerifyRefusesASnapshotThatDiffersFromItsManifest(t *testing.T) {
	reg, dir := leiocitest.NewRegistry(t), leiocitest.WriteSnapshot(t, time.Now(), `{"data":{"repo":"https://example.org/a"}}`)
	path := filepath.Join(dir, "manifest.json")
	manifest, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(manifest), `"entry_count": 1`, `"entry_count": 2`, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	ref := reg.Host() + "/org/lei-cache"
	if status, _, stderr := leiociIn(t, t.TempDir(), "", "push", "--verify", dir, ref); status != 1 || !strings.Contains(stderr, "entry count") {
		t.Errorf("push --verify: %d, %q", status, stderr)
	}
	if status, _, stderr := leiociIn(t, t.TempDir(), "", "push", dir, ref); status != 0 {
		t.Errorf("push: %d, %q", status, stderr)
	}
	work := t.TempDir()
	if status, _, stderr := leiociIn(t, work, "", "pull", "--verify", ref); status != 1 || !strings.Contains(stderr, "entry count") {
		t.Errorf("pull --verify: %d, %q", status, stderr)
	}
	if entries, err := os.ReadDir(work); err != nil || len(entries) != 0 {
		t.Errorf("there is %v, %v", entries, err)
	}
}
