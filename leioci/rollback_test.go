package leioci_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

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
			before := requestCount(reg, "PUT ")
			_, err := c.PushSnapshot(t.Context(), repo, []string{"2026-02-09", "latest"}, img)
			if !errors.Is(err, leioci.ErrOlder) || !strings.Contains(err.Error(), "2026-02-10") {
				t.Errorf("got %v", err)
			}
			if n := requestCount(reg, "PUT ") - before; n > 0 {
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

func TestPushSnapshotAsksOnlyAboutMovingTags(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	pushSnapshot(t, newClient(t), reg, leiocitest.WriteSnapshot(t, monday), "2026-02-09", "latest")
	if dated, moving := requestCount(reg, "GET /v2/org/lei-cache/manifests/2026-02-09"), requestCount(reg, "GET /v2/org/lei-cache/manifests/latest"); dated != 0 || moving != 1 {
		t.Errorf("the dated tag was asked for %d times, the moving one %d times", dated, moving)
	}
}

func TestWhatSnapshotOpenRefusesReplacesNothing(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c, repo := newClient(t), repository(t, reg)
	manifest, blobs := sample(t)
	const garbage = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" // of "hello"
	undated := strings.Replace(strings.Replace(string(manifest), sampleManifest, garbage, 1), `"size": 10498`, `"size": 5`, 1)
	blobs[1] = newBlob(t, garbage, []byte("hello"))
	if _, err := c.Push(t.Context(), repo, []string{"latest"}, []byte(undated), blobs); err != nil {
		t.Fatal(err)
	}
	dir := leiocitest.WriteSnapshot(t, monday)
	for _, opts := range [][]leioci.PullOption{nil, {leioci.AllowOlder()}} {
		if res, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), dir, opts...); !errors.Is(err, leioci.ErrNotSnapshot) {
			t.Errorf("pulled over a snapshot: %+v, %v", res, err)
		}
	}
	verifySnapshot(t, dir)
	if n := requestCount(reg, "GET /v2/org/lei-cache/blobs/"+sampleCache); n > 0 {
		t.Errorf("its cache was fetched %d times", n)
	}
	pushSnapshot(t, c, reg, leiocitest.WriteSnapshot(t, monday), "latest")
}

func TestPullsAtOnceDoNotRollADirectoryBack(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c, repo := newClient(t), repository(t, reg)
	older, newer := leiocitest.WriteSnapshot(t, monday), leiocitest.WriteSnapshot(t, tuesday)
	pushSnapshot(t, c, reg, older, "stale")
	pushSnapshot(t, c, reg, newer, "fresh")
	for range 50 {
		dir := filepath.Join(t.TempDir(), "target")
		var pulls sync.WaitGroup
		pulls.Go(func() {
			if _, err := c.PullSnapshot(t.Context(), repo.Tag("stale"), dir); err != nil && !errors.Is(err, leioci.ErrOlder) {
				t.Error(err)
			}
		})
		pulls.Go(func() {
			if _, err := c.PullSnapshot(t.Context(), repo.Tag("fresh"), dir); err != nil {
				t.Error(err)
			}
		})
		pulls.Wait()
		assertSame(t, newer, dir, "manifest.json")
	}
}
