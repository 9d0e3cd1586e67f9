package leioci_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// dateless packages a snapshot whose date its manifest.json alone tells.
func dateless(t *testing.T, date time.Time) v1.Image {
	t.Helper()
	dir := leiocitest.WriteSnapshot(t, date, `{"data":{"repo":"https://example.org/`+date.Format(time.DateOnly)+`"}}`)
	img, err := leioci.Package(t.Context(), dir, leioci.Annotations(map[string]string{"org.opencontainers.image.version": "v1"}))
	must(t, err)
	return img
}

func TestHoweverManyMirrorsAreBehindTheRepositoryIsReached(t *testing.T) {
	reg, c := leiocitest.NewRegistry(t), newClient(t)
	main := repository(t, reg)
	push := func(repo name.Repository, date time.Time) {
		_, err := c.PushSnapshot(t.Context(), repo, []string{"latest"}, dateless(t, date))
		must(t, err)
	}
	var mirrors []leioci.Mirror
	for i := range 7 {
		at := main.Repo("mirror", fmt.Sprint(i))
		push(at, monday.AddDate(0, 0, -1-i))
		mirrors = append(mirrors, leioci.Mirror{Of: main, At: at})
	}
	push(main, monday)
	dir := filepath.Join(t.TempDir(), "lei")
	_, err := c.PullSnapshot(t.Context(), main.Tag("latest"), dir)
	must(t, err)
	push(main, tuesday)
	res, err := newClient(t, leioci.WithMirrors(mirrors...)).PullSnapshot(t.Context(), main.Tag("latest"), dir)
	if err != nil || res.Source != main || !res.Date.Equal(tuesday) {
		t.Errorf("got %+v, %v", res, err)
	}
}

func TestASnapshotThatIsNowhereWholeIsPassedOver(t *testing.T) {
	missing := leiocitest.Status(http.StatusNotFound, "BLOB_UNKNOWN")
	for what, tc := range map[string]struct {
		mirror, main leiocitest.Fault // of blobs
		byDigest     bool
		want         error
	}{
		"the mirror has no blobs":      {missing, nil, false, nil},
		"the mirror's are corrupt":     {leiocitest.Corrupt(0), nil, false, nil},
		"the mirror's storage is down": {leiocitest.Status(http.StatusBadGateway, ""), nil, false, nil},
		"nobody has any":               {missing, missing, false, leioci.ErrNotFound},
		"it was asked for":             {missing, nil, true, leioci.ErrNotFound},
	} {
		t.Run(what, func(t *testing.T) {
			main, mirror := leiocitest.NewRegistry(t), leiocitest.NewRegistry(t)
			pushSnapshot(t, newClient(t), main, leiocitest.WriteSnapshot(t, tuesday, `{"data":{"repo":"a"}}`), "latest")
			pushSnapshot(t, newClient(t), mirror, leiocitest.WriteSnapshot(t, monday, `{"data":{"repo":"b"}}`), "latest")
			mirror.On(http.MethodGet, "/blobs/", leiocitest.Always, tc.mirror)
			if tc.main != nil {
				main.On(http.MethodGet, "/blobs/", leiocitest.Always, tc.main)
			}
			repo, at := repository(t, main), repository(t, mirror)
			var ref name.Reference = repo.Tag("latest")
			if tc.byDigest {
				m, err := newClient(t).PullManifest(t.Context(), at.Tag("latest"))
				must(t, err)
				ref = repo.Digest(m.Descriptor.Digest.String())
			}
			var log bytes.Buffer
			c := newClient(t, logTo(&log), leioci.WithMirrors(leioci.Mirror{Of: repo, At: at}))
			res, err := c.PullSnapshot(t.Context(), ref, filepath.Join(t.TempDir(), "lei"))
			if !errors.Is(err, tc.want) || err == nil && (res.Source != repo || !res.Date.Equal(tuesday)) {
				t.Errorf("got %+v, %v", res, err)
			}
			if err == nil && !strings.Contains(log.String(), "skipping "+at.String()+" as a source of "+repo.String()) {
				t.Errorf("the log says %s", &log)
			}
		})
	}
}

func TestASourceThatWantsAPauseGetsIt(t *testing.T) {
	main, mirror := leiocitest.NewRegistry(t), leiocitest.NewRegistry(t)
	pushSnapshot(t, newClient(t), main, leiocitest.WriteSnapshot(t, tuesday, `{"data":{"repo":"a"}}`), "latest")
	pushSnapshot(t, newClient(t), mirror, leiocitest.WriteSnapshot(t, monday, `{"data":{"repo":"b"}}`), "latest")
	mirror.On(http.MethodGet, "/blobs/", leiocitest.Always, leiocitest.RetryAfter(http.StatusTooManyRequests, "3600"))
	repo := repository(t, main)
	c := newClient(t, leioci.WithMirrors(leioci.Mirror{Of: repo, At: repository(t, mirror)}))
	before := requestCount(main, "GET /v2/org/lei-cache/manifests/")
	_, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), filepath.Join(t.TempDir(), "lei"))
	var limited *leioci.RateLimitError
	if !errors.As(err, &limited) || limited.RetryAfter != time.Hour || requestCount(main, "GET /v2/org/lei-cache/manifests/") > before {
		t.Errorf("got %v, after %q", err, main.Requests())
	}
}

// An air-gapped site reaches its mirrors alone: what is wrong there is what is to be told.
func TestIfNoOtherSourceIsReachedTheErrorIsThatOfTheSnapshot(t *testing.T) {
	w := newMirrorWorld(t)
	w.hosts[mirrorA].On(http.MethodGet, "/blobs/", leiocitest.Always, leiocitest.Status(http.StatusNotFound, "BLOB_UNKNOWN"))
	w.network.Refuse(mirrorB, leiocitest.Always)
	w.network.Refuse(mainHost, leiocitest.Always)
	_, err := w.client(w.mirrors()).PullSnapshot(t.Context(), w.repos[mainHost].Tag("latest"), filepath.Join(t.TempDir(), "lei"))
	if !errors.Is(err, leioci.ErrNotFound) || !strings.Contains(err.Error(), "BLOB_UNKNOWN") || !strings.Contains(err.Error(), mirrorA) {
		t.Errorf("got %v", err)
	}
}
