package leioci_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
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
	img, err := leioci.Package(t.Context(), dir, leioci.PackageFuture())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.PushSnapshot(t.Context(), repository(t, reg), tags, img, leioci.PushFuture()); err != nil {
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
	assertSame(t, sampleDir, dir, "manifest.json", "cache.jsonl.gz", "oci-manifest.json", "config.json")
	if res.Ref.DigestStr() != sampleDigest || res.Source != repo || res.UpToDate || res.BytesFetched != 10498+62724+106 {
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
	before := requestCount(reg, "GET /v2/org/lei-cache/blobs/")
	res, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), dir)
	if err != nil {
		t.Fatal(err)
	}
	if !res.UpToDate || res.BytesFetched != 0 || res.Date.IsZero() || res.Ref.DigestStr() != sampleDigest {
		t.Errorf("got %+v", res)
	}
	if n := requestCount(reg, "GET /v2/org/lei-cache/blobs/") - before; n != 0 {
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
		assertSame(t, sampleDir, dir, "manifest.json", "cache.jsonl.gz", "oci-manifest.json", "config.json")
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
	assertEntries(t, dir, "cache.jsonl.gz", "config.json", "manifest.json", "oci-manifest.json")
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
	assertSame(t, sampleDir, dir, "manifest.json", "cache.jsonl.gz", "oci-manifest.json", "config.json")
}
