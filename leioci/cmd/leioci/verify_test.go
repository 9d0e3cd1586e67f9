package main

import (
	"errors"
	"net/http"
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
	for _, args := range [][]string{{"push"}, {"push", "--verify"}} {
		if status, _, stderr := leiociIn(t, t.TempDir(), "", append(args, dir, ref)...); status != 4 || !strings.Contains(stderr, "entry count") ||
			!strings.Contains(stderr, "--no-verify") {
			t.Errorf("%s: %d, %q", args, status, stderr)
		}
	}
	if requests := reg.Requests(); len(requests) > 0 {
		t.Errorf("the registry was asked %v", requests)
	}
	if status, _, stderr := leiociIn(t, t.TempDir(), "", "push", "--no-verify", dir, ref); status != 0 {
		t.Errorf("push --no-verify: %d, %q", status, stderr)
	}
	work := t.TempDir()
	if status, _, stderr := leiociIn(t, work, "", "pull", "--verify", ref); status != 4 || !strings.Contains(stderr, "entry count") {
		t.Errorf("pull --verify: %d, %q", status, stderr)
	}
	entries, err := os.ReadDir(work)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".leioci-partial-") {
			t.Errorf("there is %s", e.Name())
		}
	}
	// The publisher may take long to mend it, and a job pull every hour.
	blobs := reg.On(http.MethodGet, "/blobs/", leiocitest.Always, leiocitest.Status(http.StatusTeapot, ""))
	if status, _, stderr := leiociIn(t, work, "", "pull", "--verify", ref); status != 4 || !strings.Contains(stderr, "entry count") {
		t.Errorf("pull --verify again: %d, %q", status, stderr)
	}
	if n := blobs.Hits(); n > 0 {
		t.Errorf("%d blobs were fetched again", n)
	}
}

func TestWhatWasVerifiedIsPushedEvenIfTheDirectoryIsReplaced(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	date := time.Date(2026, 2, 9, 0, 0, 0, 0, time.UTC)
	dir, other := leiocitest.WriteSnapshot(t, date), leiocitest.WriteSnapshot(t, date.AddDate(0, 0, 1), "not a report")
	replaced := reg.On(http.MethodPost, "/blobs/uploads/", 1, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if err := errors.Join(os.RemoveAll(dir), os.Rename(other, dir)); err != nil {
			t.Error(err)
		}
		next.ServeHTTP(w, r)
	})
	ref := reg.Host() + "/org/lei-cache"
	if status, _, stderr := leiociIn(t, t.TempDir(), "", "push", dir, ref); status != 0 || replaced.Hits() != 1 || !strings.Contains(stderr, "2026-02-09") {
		t.Fatalf("push: %d, %q", status, stderr)
	}
	if status, _, stderr := leiociIn(t, t.TempDir(), "", "pull", "--verify", ref+":2026-02-09"); status != 0 {
		t.Errorf("pull: %d, %q", status, stderr)
	}
}

func TestPushRefusesASnapshotFromTheFuture(t *testing.T) {
	reg, dir := leiocitest.NewRegistry(t), leiocitest.WriteSnapshot(t, time.Now().AddDate(1, 0, 0))
	ref := reg.Host() + "/org/lei-cache"
	if status, _, stderr := leiociIn(t, t.TempDir(), "", "push", dir, ref); status != 3 || !strings.Contains(stderr, "--allow-future") {
		t.Errorf("push: %d, %q", status, stderr)
	}
	if requests := reg.Requests(); len(requests) > 0 {
		t.Errorf("the registry was asked %v", requests)
	}
	if status, _, stderr := leiociIn(t, t.TempDir(), "", "push", "--allow-future", dir, ref); status != 0 {
		t.Errorf("push --allow-future: %d, %q", status, stderr)
	}
}

func TestWhatIsNoSnapshotIsNotVerified(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	reg.On("GET", "/manifests/", leiocitest.Always, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "application/vnd.oci.image.index.v1+json")
		_, _ = w.Write([]byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`))
	})
	status, stdout, stderr := leiociIn(t, t.TempDir(), "", "verify", reg.Host()+"/org/lei-cache")
	if status != exitUnverified || stdout != "" || !strings.Contains(stderr, "unsupported manifest") {
		t.Errorf("%d, %q, %s", status, stdout, stderr)
	}
}
