package leioci_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestARefusalInTheMiddleOfAPullKeepsWhatHasCome(t *testing.T) {
	for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden} {
		reg := leiocitest.NewRegistry(t)
		repo := repository(t, reg)
		pushSample(t, newClient(t), repo, "latest")
		dir := filepath.Join(t.TempDir(), "lei")
		partials := func() []string {
			found, err := filepath.Glob(filepath.Join(filepath.Dir(dir), ".leioci-partial-*"))
			must(t, err)
			return found
		}
		c := newClient(t, once(), leioci.WithConcurrency(1)) // one file after the other: the first breaks off
		reg.On(http.MethodGet, "/blobs/", 1, leiocitest.Truncate(100))
		_, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), dir)
		if err == nil || len(partials()) != 1 {
			t.Fatalf("%d partial files, %v", len(partials()), err)
		}
		refusal := reg.On(http.MethodGet, "/blobs/", leiocitest.Always, leiocitest.Status(status, "DENIED"))
		_, err = c.PullSnapshot(t.Context(), repo.Tag("latest"), dir)
		if !errors.Is(err, leioci.ErrDenied) && !errors.Is(err, leioci.ErrUnauthorized) || len(partials()) != 1 {
			t.Errorf("%d: %d partial files, %v", status, len(partials()), err)
		}
		refusal.Stop()
		if _, err = c.PullSnapshot(t.Context(), repo.Tag("latest"), dir); err != nil {
			t.Error(err)
		}
	}
}

// An image may know of a layer that it cannot read, as an OCI layout of which half was copied.
func TestAnImageThatCannotBeReadLosesNoDownload(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	repo, c := repository(t, reg), newClient(t, once(), leioci.WithConcurrency(1))
	pushSample(t, c, repo, "latest")
	dir := filepath.Join(t.TempDir(), "lei")
	sizes := func() (total int64) {
		found, err := filepath.Glob(filepath.Join(filepath.Dir(dir), ".leioci-partial-*"))
		must(t, err)
		for _, path := range found {
			info, err := os.Stat(path)
			must(t, err)
			total += info.Size()
		}
		return total
	}
	reg.On(http.MethodGet, "/blobs/", 1, leiocitest.Truncate(100))
	_, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), dir)
	before := sizes()
	if err == nil || before == 0 {
		t.Fatalf("%d bytes were kept, %v", before, err)
	}
	img, err := c.Image(t.Context(), repo.Tag("latest"))
	must(t, err)
	reg.On(http.MethodGet, "/blobs/", leiocitest.Always, leiocitest.Status(http.StatusNotFound, ""))
	if _, err := leioci.Unpack(t.Context(), img, dir); err == nil || sizes() != before {
		t.Errorf("of %d bytes are left %d, %v", before, sizes(), err)
	}
}
