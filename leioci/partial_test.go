package leioci_test

import (
	"errors"
	"net/http"
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
