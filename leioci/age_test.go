package leioci_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestMaxAgeRefusesBeforeAnythingIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newMirrorWorld(t) // its snapshot has the date newer; the bubble's clock is before that
		ref, dir := w.repos[mainHost].Tag("latest"), filepath.Join(t.TempDir(), "lei")
		time.Sleep(time.Until(newer.Add(48 * time.Hour)))
		if _, err := w.client().PullSnapshot(t.Context(), ref, dir, leioci.MaxAge(47*time.Hour)); !errors.Is(err, leioci.ErrStale) {
			t.Errorf("got %v", err)
		}
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("there is a directory: %v", err)
		}
		if n := requestCount(w.hosts[mainHost], "GET /v2/org/lei-cache/blobs/"); n > 0 {
			t.Errorf("%d blobs were fetched", n)
		}
		if _, err := w.client().PullSnapshot(t.Context(), ref, dir, leioci.MaxAge(48*time.Hour)); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Hour)
		// Only the time has changed.
		if _, err := w.client().PullSnapshot(t.Context(), ref, dir, leioci.MaxAge(48*time.Hour)); !errors.Is(err, leioci.ErrStale) {
			t.Errorf("a directory that is up to date: got %v", err)
		}
		if _, err := os.Stat(filepath.Join(dir, "manifest.json")); err != nil {
			t.Error(err)
		}
	})
}

func TestMaxAgeGoesByTheSnapshotAndNotByItsAnnotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(newer))
		img, err := leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, older), leioci.Annotations(map[string]string{
			"org.opencontainers.image.version": newer.Format(time.DateOnly),
		}))
		must(t, err)
		_, err = leioci.Unpack(t.Context(), img, filepath.Join(t.TempDir(), "lei"), leioci.MaxAge(24*time.Hour))
		if !errors.Is(err, leioci.ErrStale) {
			t.Errorf("got %v", err)
		}
	})
}
