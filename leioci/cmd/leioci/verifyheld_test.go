package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// writeMalformed returns a directory whose manifest.json counts one report too many.
func writeMalformed(t *testing.T) string {
	t.Helper()
	dir := leiocitest.WriteSnapshot(t, time.Now(), `{"data":{"repo":"https://example.org/a"}}`)
	path := filepath.Join(dir, "manifest.json")
	manifest, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(manifest), `"entry_count": 1`, `"entry_count": 2`, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestVerifyRefusesWhatAPullWithoutItLeft(t *testing.T) {
	reg, work := leiocitest.NewRegistry(t), t.TempDir()
	ref := reg.Host() + "/org/lei-cache"
	img, err := leioci.Package(t.Context(), writeMalformed(t))
	if err != nil {
		t.Fatal(err)
	}
	client, err := leioci.New()
	if err != nil {
		t.Fatal(err)
	}
	repo, err := leioci.ParseRepository(ref)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := client.PushSnapshot(t.Context(), repo, []string{"latest"}, img)
	if err != nil {
		t.Fatal(err)
	}
	if status, _, stderr := leiociIn(t, work, "", "pull", ref, "-o", "lei"); status != 0 || strings.Contains(stderr, "verified") {
		t.Fatalf("pull: %d, %q", status, stderr)
	}
	for _, from := range []string{ref, ref, digest.String()} { // the second time, too; a digest needs no request
		status, stdout, stderr := leiociIn(t, work, "", "pull", "--verify", from, "-o", "lei")
		if status != 4 || stdout != "" || !strings.Contains(stderr, "entry count") || strings.Contains(stderr, "verified") {
			t.Errorf("pull --verify %s: %d, %q, %q", from, status, stdout, stderr)
		}
	}
	if _, err := os.Stat(filepath.Join(work, "lei", "manifest.json")); err != nil {
		t.Error(err)
	}
}

func TestVerifySaysThatItVerified(t *testing.T) {
	reg, dir, work := leiocitest.NewRegistry(t), absolute(t), t.TempDir()
	ref := reg.Host() + "/org/lei-cache"
	if status, _, stderr := leiociIn(t, work, "", "push", dir, ref); status != 0 {
		t.Fatal(stderr)
	}
	for _, says := range []string{"pulled into lei, verified: ", "up to date in lei, verified: "} {
		if status, _, stderr := leiociIn(t, work, "", "pull", "--verify", ref, "-o", "lei"); status != 0 || !strings.HasPrefix(stderr, says) {
			t.Errorf("%d, %q, want %q", status, stderr, says)
		}
	}
	if _, _, stderr := leiociIn(t, work, "", "pull", ref, "-o", "lei"); strings.Contains(stderr, "verified") {
		t.Errorf("without --verify: %q", stderr)
	}
}
