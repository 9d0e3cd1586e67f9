package leioci_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

var (
	monday  = time.Date(2026, 2, 9, 0, 0, 0, 0, time.UTC)
	tuesday = monday.AddDate(0, 0, 1)
)

// pushSnapshot packages dir and pushes it.
func pushSnapshot(t testing.TB, c *leioci.Client, reg *leiocitest.Registry, dir string, tags ...string) {
	t.Helper()
	img, err := leioci.Package(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.PushSnapshot(t.Context(), repository(t, reg), tags, img); err != nil {
		t.Fatal(err)
	}
}

func TestPullSnapshotReadsTheOriginalsArtifact(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c, repo := newClient(t), repository(t, reg)
	pushSample(t, c, repo, "latest")
	dir := filepath.Join(t.TempDir(), "a", "b", "new")
	res, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), dir)
	if err != nil {
		t.Fatal(err)
	}
	assertSame(t, sampleDir, dir, "manifest.json", "cache.jsonl.gz", "oci-manifest.json")
	if res.Ref.DigestStr() != sampleDigest || res.Source != repo || res.UpToDate || res.BytesFetched != 10498+62724 {
		t.Errorf("got %+v", res)
	}
	created := time.Date(2026, 11, 23, 15, 40, 56, 323271000, time.UTC)
	if !res.Date.Equal(time.Date(2026, 2, 8, 0, 0, 0, 0, time.UTC)) || !res.Created.Equal(created) {
		t.Errorf("got date %s, created %s", res.Date, res.Created)
	}
}

func TestARepeatedPullFetchesNoBlob(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c, repo := newClient(t), repository(t, reg)
	pushSample(t, c, repo, "latest")
	dir := t.TempDir()
	if _, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), dir); err != nil {
		t.Fatal(err)
	}
	before := asked(reg, "GET /v2/org/lei-cache/blobs/")
	res, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), dir)
	if err != nil {
		t.Fatal(err)
	}
	if !res.UpToDate || res.BytesFetched != 0 || res.Date.IsZero() || res.Ref.DigestStr() != sampleDigest {
		t.Errorf("got %+v", res)
	}
	if n := asked(reg, "GET /v2/org/lei-cache/blobs/") - before; n != 0 {
		t.Errorf("%d blobs were fetched", n)
	}
}

func TestAPullRepairsADamagedDirectory(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c, repo := newClient(t), repository(t, reg)
	pushSample(t, c, repo, "latest")
	for _, name := range []string{"manifest.json", "cache.jsonl.gz", "oci-manifest.json"} {
		dir := t.TempDir()
		if _, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), dir); err != nil {
			t.Fatal(err)
		}
		damaged := readFile(t, dir, name)
		damaged[len(damaged)/2] ^= 1
		if err := os.WriteFile(filepath.Join(dir, name), damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		res, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), dir)
		if err != nil || res.UpToDate {
			t.Errorf("%s: got %+v, %v", name, res, err)
		}
		assertSame(t, sampleDir, dir, "manifest.json", "cache.jsonl.gz", "oci-manifest.json")
	}
}

func TestAnySnapshotComesBackAsItWas(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c, repo := newClient(t), repository(t, reg)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 20 {
		date := monday.AddDate(0, 0, i)
		reports := make([]string, random.IntN(50))
		for j := range reports {
			reports[j] = fmt.Sprintf(`{"header":{"repo":"https://example.org/%d"},"data":{"risk":"low","noise":"%x"}}`, random.IntN(20), random.Uint64())
		}
		dir := leiocitest.WriteSnapshot(t, date, reports...)
		pushSnapshot(t, c, reg, dir, leioci.GenerateTags(date)...)
		pulled := filepath.Join(t.TempDir(), "pulled")
		if _, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), pulled); err != nil {
			t.Fatal(err)
		}
		assertSame(t, dir, pulled, "manifest.json", "cache.jsonl.gz")
		s, err := snapshot.Open(pulled)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.Verify(t.Context()), s.Close()); err != nil {
			t.Error(err)
		}
	}
}

func TestPullSnapshotWantsOneLayerOfEachType(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c, repo := newClient(t), repository(t, reg)
	raw, blobs := sample(t)
	manifest := string(raw)
	for name, m := range map[string]string{
		"no cache":    strings.Replace(manifest, "vnd.lei.cache.jsonl+gzip", "vnd.other", 1),
		"no manifest": strings.Replace(manifest, "vnd.lei.cache.manifest+json", "vnd.other", 1),
		"two caches":  strings.Replace(manifest, "vnd.lei.cache.manifest+json", "vnd.lei.cache.jsonl+gzip", 1),
		"neither":     strings.ReplaceAll(manifest, "application/vnd.lei.cache", "application/octet-stream; x"),
	} {
		if _, err := c.Push(t.Context(), repo, []string{"bad"}, []byte(m), blobs); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		if _, err := c.PullSnapshot(t.Context(), repo.Tag("bad"), dir); !errors.Is(err, leioci.ErrNotSnapshot) {
			t.Errorf("%s: got %v", name, err)
		}
		assertEntries(t, dir)
	}
}

func TestPullSnapshotIgnoresOtherLayersTheirOrderAndTheConfigsType(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c, repo := newClient(t), repository(t, reg)
	_, blobs := sample(t)
	const evil = "../../evil"
	layer := func(mt, digest string, size int) string {
		return fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":%d,"annotations":{"org.opencontainers.image.title":%q}}`, mt, digest, size, evil)
	}
	m := fmt.Sprintf(`{"schemaVersion":2,"config":%s,"layers":[%s,%s,%s]}`,
		layer("application/vnd.oci.empty.v1+json", sampleConfig, 106),
		layer("application/vnd.lei.cache.jsonl+gzip", sampleCache, 62724),
		layer("application/x-other", sampleConfig, 106),
		layer("application/vnd.lei.cache.manifest+json", sampleManifest, 10498))
	if _, err := c.Push(t.Context(), repo, []string{"odd"}, []byte(m), blobs); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if _, err := c.PullSnapshot(t.Context(), repo.Tag("odd"), dir); err != nil {
		t.Fatal(err)
	}
	assertSame(t, sampleDir, dir, "manifest.json", "cache.jsonl.gz")
	assertEntries(t, dir, "cache.jsonl.gz", "manifest.json", "oci-manifest.json")
}

// assertEntries fails unless dir holds just these files, sorted, and nothing was left beside it.
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
	if n := asked(reg, "GET /v2/org/lei-cache/blobs/"); n > 0 {
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

func TestAMovingTagDoesNotRollADirectoryBack(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c, repo := newClient(t), repository(t, reg)
	older := leiocitest.WriteSnapshot(t, monday, `{"data":{"repo":"older"}}`)
	pushSnapshot(t, c, reg, older, "2026-02-09", "latest")
	newer := leiocitest.WriteSnapshot(t, tuesday, `{"data":{"repo":"newer"}}`)
	dir := t.TempDir()
	reset := func() {
		t.Helper()
		if err := errors.Join(os.RemoveAll(dir), os.CopyFS(dir, os.DirFS(newer))); err != nil {
			t.Fatal(err)
		}
	}
	reset()
	if _, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), dir); !errors.Is(err, leioci.ErrOlder) {
		t.Errorf("got %v", err)
	}
	assertSame(t, newer, dir, "manifest.json", "cache.jsonl.gz")
	if _, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), dir, leioci.AllowOlder()); err != nil {
		t.Error(err)
	}
	assertSame(t, older, dir, "manifest.json", "cache.jsonl.gz")
	reset()
	if _, err := c.PullSnapshot(t.Context(), repo.Tag("2026-02-09"), dir); err != nil {
		t.Errorf("a dated tag says what it wants: %v", err)
	}
	assertSame(t, older, dir, "manifest.json", "cache.jsonl.gz")
}

func TestPushSnapshotDoesNotMoveATagBack(t *testing.T) {
	older := leiocitest.WriteSnapshot(t, monday, `{"data":{"repo":"older"}}`)
	newer := leiocitest.WriteSnapshot(t, tuesday, `{"data":{"repo":"newer"}}`)
	img, err := leioci.Package(t.Context(), older)
	if err != nil {
		t.Fatal(err)
	}
	for name, push := range map[string]func(*leioci.Client, *leiocitest.Registry){
		"as this client pushes": func(c *leioci.Client, reg *leiocitest.Registry) {
			pushSnapshot(t, c, reg, newer, "2026-02-10", "latest")
		},
		"as the original pushes, without a version": func(c *leioci.Client, reg *leiocitest.Registry) {
			later, err := leioci.Package(t.Context(), newer, leioci.Annotations(map[string]string{"org.opencontainers.image.version": ""}))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.PushSnapshot(t.Context(), repository(t, reg), []string{"latest"}, later); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			reg := leiocitest.NewRegistry(t)
			c, repo := newClient(t), repository(t, reg)
			push(c, reg)
			before := asked(reg, "POST ") + asked(reg, "PUT ")
			_, err := c.PushSnapshot(t.Context(), repo, []string{"2026-02-09", "latest"}, img)
			if !errors.Is(err, leioci.ErrOlder) || !strings.Contains(err.Error(), "2026-02-10") {
				t.Errorf("got %v", err)
			}
			if n := asked(reg, "POST ") + asked(reg, "PUT ") - before; n > 0 {
				t.Errorf("%d uploads", n)
			}
			if _, err := c.PushSnapshot(t.Context(), repo, []string{"2026-02-09"}, img); err != nil {
				t.Errorf("under its dated tag alone: %v", err)
			}
			if _, err := c.PushSnapshot(t.Context(), repo, []string{"latest"}, img, leioci.AllowMoveBack()); err != nil {
				t.Errorf("when asked: %v", err)
			}
		})
	}
}

func TestPushSnapshotRefusesAnImageThatIsNoSnapshot(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c, repo := newClient(t), repository(t, reg)
	manifest, blobs := sample(t)
	other := strings.Replace(string(manifest), "vnd.lei.cache.jsonl+gzip", "vnd.other", 1)
	if _, err := c.Push(t.Context(), repo, []string{"other"}, []byte(other), blobs); err != nil {
		t.Fatal(err)
	}
	img, err := c.Image(t.Context(), repo.Tag("other"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.PushSnapshot(t.Context(), repo, []string{"latest"}, img); !errors.Is(err, leioci.ErrNotSnapshot) {
		t.Errorf("got %v", err)
	}
}

func TestASnapshotIsCopiedFromRegistryToRegistry(t *testing.T) {
	from, to := leiocitest.NewRegistry(t), leiocitest.NewRegistry(t)
	c := newClient(t)
	pushSample(t, c, repository(t, from), "latest")
	img, err := c.Image(t.Context(), repository(t, from).Tag("latest"))
	if err != nil {
		t.Fatal(err)
	}
	digest, err := c.PushSnapshot(t.Context(), repository(t, to), []string{"2026-02-08", "latest"}, img)
	if err != nil || digest.DigestStr() != sampleDigest {
		t.Fatalf("got %v, %v", digest, err)
	}
	dir := t.TempDir()
	if _, err := c.PullSnapshot(t.Context(), digest, dir); err != nil {
		t.Fatal(err)
	}
	assertSame(t, sampleDir, dir, "manifest.json", "cache.jsonl.gz", "oci-manifest.json")
}
