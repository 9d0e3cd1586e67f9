package leioci_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestASnapshotOfTheFutureIsRefusedAndPinsNoDirectory(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c, repo := newClient(t), repository(t, reg)
	pushSnapshot(t, c, reg, leiocitest.WriteSnapshot(t, time.Date(2206, 2, 9, 0, 0, 0, 0, time.UTC)), "2206-02-09", "latest")
	dir := filepath.Join(t.TempDir(), "lei")
	for _, tag := range []string{"2206-02-09", "latest"} {
		_, err := c.PullSnapshot(t.Context(), repo.Tag(tag), dir, leioci.MaxAge(time.Hour), leioci.AllowOlder())
		if !errors.Is(err, leioci.ErrFuture) {
			t.Errorf("%s: got %v", tag, err)
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is a directory: %v", err)
	}
	if n := requestCount(reg, "GET /v2/org/lei-cache/blobs/"); n > 0 {
		t.Errorf("%d blobs were fetched", n)
	}
	if _, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), dir, leioci.AllowFuture()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), dir); !errors.Is(err, leioci.ErrFuture) {
		t.Errorf("a directory that is up to date: got %v", err)
	}
	pushSnapshot(t, c, reg, leiocitest.WriteSnapshot(t, monday), "2026-02-09", "now")
	if _, err := c.PullSnapshot(t.Context(), repo.Tag("now"), dir); err != nil {
		t.Errorf("the directory is pinned: %v", err)
	}
}

func TestAWatchDoesNotFetchWhatItRefusesAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newMirrorWorld(t)
		img, err := leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, older, report), leioci.Annotations(map[string]string{
			"org.opencontainers.image.version": "", // the original client writes none
		}))
		must(t, err)
		_, err = w.client().PushSnapshot(t.Context(), w.repos[mainHost], []string{"moved"}, img)
		must(t, err)
		dir := filepath.Join(t.TempDir(), "lei")
		_, err = w.client().PullSnapshot(t.Context(), w.repos[mainHost].Tag("latest"), dir)
		must(t, err)
		before, looks := requestCount(w.hosts[mainHost], "GET /v2/org/lei-cache/blobs/"), 0
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		for res, err := range w.client().Watch(ctx, w.repos[mainHost].Tag("moved"), dir, leioci.WatchOptions{Interval: time.Minute}) {
			if !errors.Is(err, leioci.ErrOlder) {
				t.Fatalf("got %+v, %v", res, err)
			}
			looks++
		}
		if n := requestCount(w.hosts[mainHost], "GET /v2/org/lei-cache/blobs/") - before; looks < 33 || n != 1 {
			t.Errorf("%d blobs were fetched in %d looks", n, looks)
		}
	})
}

func TestAMirrorWhoseSnapshotTurnsOutToBeRefusedIsPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newMirrorWorld(t)
		img, err := leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, older, report), leioci.Annotations(map[string]string{
			"org.opencontainers.image.version": "",
		}))
		must(t, err)
		_, err = w.client().PushSnapshot(t.Context(), w.repos[mirrorA], []string{"latest"}, img, leioci.AllowMoveBack())
		must(t, err)
		time.Sleep(time.Until(newer.Add(48 * time.Hour)))
		res, err := w.client(w.mirrors()).PullSnapshot(t.Context(), w.repos[mainHost].Tag("latest"), filepath.Join(t.TempDir(), "lei"), leioci.MaxAge(72*time.Hour))
		must(t, err)
		if !res.Date.Equal(newer) || res.Source == w.repos[mirrorA] {
			t.Errorf("got %+v", res)
		}
	})
}
