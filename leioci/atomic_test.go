package leioci_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// assertEntries fails unless dir contains exactly these files, sorted, and nothing is left beside
// it.
func assertEntries(t testing.TB, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%s holds %q, want %q", dir, got, want)
	}
	beside, err := filepath.Glob(filepath.Join(filepath.Dir(dir), ".*staging*"))
	if err != nil || len(beside) > 0 {
		t.Errorf("left behind: %q, %v", beside, err)
	}
}

func TestAFailedPullLeavesTheOldSnapshot(t *testing.T) {
	flip := leiocitest.Body(func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
	for name, tc := range map[string]struct {
		path  string
		fault leiocitest.Fault
	}{
		"the first blob is corrupt":  {"/blobs/" + sampleManifest, flip},
		"the second blob is corrupt": {"/blobs/" + sampleCache, flip},
		"the second blob is missing": {"/blobs/" + sampleCache, leiocitest.Status(http.StatusNotFound, "BLOB_UNKNOWN")},
		"the connection breaks":      {"/blobs/" + sampleCache, leiocitest.Truncate(1000)},
		"the manifest is gone":       {"/manifests/", leiocitest.Status(http.StatusNotFound, "MANIFEST_UNKNOWN")},
	} {
		for _, old := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, an older one is there: %v", name, old), func(t *testing.T) {
				reg := leiocitest.NewRegistry(t)
				c, repo := newClient(t), repository(t, reg)
				pushSample(t, c, repo, "2026-02-08")
				dir := filepath.Join(t.TempDir(), "target")
				earlier := leiocitest.WriteSnapshot(t, monday, `{"data":{"repo":"old"}}`)
				if old {
					if err := os.CopyFS(dir, os.DirFS(earlier)); err != nil {
						t.Fatal(err)
					}
				}
				fault := reg.On(http.MethodGet, tc.path, leiocitest.Always, tc.fault)
				if res, err := c.PullSnapshot(t.Context(), repo.Tag("2026-02-08"), dir); err == nil || fault.Hits() == 0 {
					t.Fatalf("got %+v, %v", res, err)
				}
				if old {
					assertSame(t, earlier, dir, "manifest.json", "cache.jsonl.gz")
					assertEntries(t, dir, "cache.jsonl.gz", "manifest.json")
				} else if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("the target was made: %v", err)
				}
			})
		}
	}
}

func TestACancelledPullLeavesTheOldSnapshot(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c, repo := newClient(t), repository(t, reg)
	pushSample(t, c, repo, "2026-02-08")
	dir := leiocitest.WriteSnapshot(t, monday, `{"data":{"repo":"old"}}`)
	before := readFile(t, dir, "manifest.json")
	reached := make(chan struct{}, 1)
	reg.On(http.MethodGet, "/blobs/"+sampleCache, leiocitest.Always, leiocitest.Hang(reached))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := c.PullSnapshot(ctx, repo.Tag("2026-02-08"), dir)
		done <- err
	}()
	<-reached
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if !bytes.Equal(readFile(t, dir, "manifest.json"), before) {
		t.Error("the old snapshot was touched")
	}
	assertEntries(t, dir, "cache.jsonl.gz", "manifest.json")
}

func TestPullSnapshotTouchesNoDirectoryOfAnotherKind(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c, repo := newClient(t), repository(t, reg)
	pushSample(t, c, repo, "latest")
	dir := leiocitest.WriteSnapshot(t, monday)
	notes := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(notes, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), dir, leioci.AllowOlder()); !errors.Is(err, leioci.ErrTargetNotEmpty) || !strings.Contains(err.Error(), "notes.txt") {
		t.Errorf("got %v", err)
	}
	if n := requestCount(reg, "GET /v2/org/lei-cache/blobs/"); n > 0 {
		t.Errorf("%d blobs were fetched in vain", n)
	}
	assertEntries(t, dir, "cache.jsonl.gz", "manifest.json", "notes.txt")
}

func TestAPullResolvesItsTagOnce(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c, repo := newClient(t), repository(t, reg)
	first := leiocitest.WriteSnapshot(t, monday, `{"data":{"repo":"first"}}`)
	second := leiocitest.WriteSnapshot(t, tuesday, `{"data":{"repo":"second"}}`)
	pushSnapshot(t, c, reg, first, "latest")
	// The tag moves as soon as the pull has resolved it.
	reg.On(http.MethodGet, "/blobs/", 1, func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		pushSnapshot(t, newClient(t), reg, second, "latest")
		registry.ServeHTTP(w, r)
	})
	dir := t.TempDir()
	res, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), dir)
	if err != nil {
		t.Fatal(err)
	}
	assertSame(t, first, dir, "manifest.json", "cache.jsonl.gz")
	m, err := c.PullManifest(t.Context(), res.Ref)
	if err != nil || string(m.Raw) != string(readFile(t, dir, "oci-manifest.json")) {
		t.Errorf("the result names %s: %v", res.Ref, err)
	}
}

func TestPullsAtOnceAndAReaderSeeWholeSnapshots(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c, repo := newClient(t), repository(t, reg)
	var tags []string
	for i := range 4 {
		date := monday.AddDate(0, 0, i)
		tags = append(tags, date.Format(time.DateOnly))
		pushSnapshot(t, c, reg, leiocitest.WriteSnapshot(t, date, fmt.Sprintf(`{"data":{"repo":"%d"}}`, i)), tags[i])
	}
	dir := filepath.Join(t.TempDir(), "target")
	pull := func(tag string) {
		if _, err := c.PullSnapshot(t.Context(), repo.Tag(tag), dir); err != nil {
			t.Error(err)
		}
	}
	pull(tags[0])
	var pulls, reader sync.WaitGroup
	stop := make(chan struct{})
	reader.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				verifySnapshot(t, dir)
			}
		}
	})
	for i := range tags {
		pulls.Go(func() {
			for j := range 25 {
				pull(tags[(i+j)%len(tags)])
			}
		})
	}
	pulls.Wait()
	close(stop)
	reader.Wait()
	assertEntries(t, dir, "cache.jsonl.gz", "config.json", "manifest.json", "oci-manifest.json")
}

// verifySnapshot fails unless the two files of dir belong to the same snapshot.
func verifySnapshot(t testing.TB, dir string) {
	s, err := snapshot.Open(dir)
	if runtime.GOOS == "windows" && errors.Is(err, os.ErrNotExist) {
		return // between the two renames that this system needs
	}
	if err != nil {
		t.Error(err)
		return
	}
	if err := errors.Join(s.Verify(t.Context()), s.Close()); err != nil {
		t.Error(err)
	}
}
