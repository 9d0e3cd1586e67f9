package leioci_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// served serves a directory with faults on demand.
func served(t *testing.T, dir string) *leiocitest.Registry {
	t.Helper()
	h, err := leioci.NewDirectoryHandler(t.Context(), dir)
	must(t, err)
	reg := leiocitest.Serve(t, h)
	t.Cleanup(func() { must(t, h.Close()) }) // before the server is closed: nothing is being sent
	return reg
}

// pulledSample returns a directory with the original's artifact.
func pulledSample(t *testing.T) string {
	t.Helper()
	reg, dir := leiocitest.NewRegistry(t), filepath.Join(t.TempDir(), "lei")
	pushSample(t, newClient(t), repository(t, reg), "latest")
	_, err := newClient(t).PullSnapshot(t.Context(), repository(t, reg).Tag("latest"), dir)
	must(t, err)
	return dir
}

func TestWhatIsServedIsPulledWithTheSameDigest(t *testing.T) {
	dir := pulledSample(t)
	reg := served(t, dir)
	c, repo := newClient(t), repository(t, reg)
	tags, err := c.Tags(t.Context(), repo)
	if err != nil || fmt.Sprint(tags) != "[2026-02-08 latest weekly]" {
		t.Errorf("tags: %q, %v", tags, err)
	}
	for _, ref := range []name.Reference{repo.Tag("latest"), repo.Tag("weekly"), repo.Tag("2026-02-08"), repo.Digest(sampleDigest)} {
		got := filepath.Join(t.TempDir(), "lei")
		res, err := c.PullSnapshot(t.Context(), ref, got)
		if err != nil || res.Digest.String() != sampleDigest {
			t.Fatalf("%s: %+v, %v", ref, res, err)
		}
		assertSame(t, dir, got, namesIn(t, dir)...)
		if res, err := c.PullSnapshot(t.Context(), ref, got); err != nil || !res.UpToDate {
			t.Errorf("%s again: %+v, %v", ref, res, err)
		}
	}
	if _, err := c.PullSnapshot(t.Context(), repo.Tag("2026-02-09"), t.TempDir()); !errors.Is(err, leioci.ErrNotFound) {
		t.Errorf("another tag: %v", err)
	}
	manifest, blobs := sample(t)
	if _, err := c.Push(t.Context(), repo, []string{"new"}, manifest, blobs); err == nil {
		t.Error("it was pushed to")
	}
}

func TestServingIsResumedUnderFaults(t *testing.T) {
	dir := pulledSample(t)
	for name, fault := range map[string]leiocitest.Fault{
		"cut off":        leiocitest.Truncate(20_000),
		"cut at once":    leiocitest.Cut(),
		"another status": leiocitest.Status(http.StatusServiceUnavailable, ""),
	} {
		reg, got := served(t, dir), filepath.Join(t.TempDir(), "lei")
		hit := reg.On(http.MethodGet, "/blobs/"+sampleCache, 1, fault)
		res, err := newClient(t, fast()).PullSnapshot(t.Context(), repository(t, reg).Tag("latest"), got)
		if err != nil || hit.Hits() != 1 {
			t.Fatalf("%s: %+v, %v", name, res, err)
		}
		assertSame(t, dir, got, namesIn(t, dir)...)
	}
}

func TestManyPullsAtOnceWhileTheDirectoryIsExchanged(t *testing.T) {
	upstream, dir := leiocitest.NewRegistry(t), filepath.Join(t.TempDir(), "lei")
	repo := repository(t, upstream)
	update := func(reports ...string) {
		img, err := leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, older, reports...))
		must(t, err)
		_, err = newClient(t).PushSnapshot(t.Context(), repo, []string{"latest"}, img)
		must(t, err)
		_, err = newClient(t).PullSnapshot(t.Context(), repo.Tag("latest"), dir)
		must(t, err)
	}
	update(report)
	reg := served(t, dir)
	c := newClient(t, fast())
	var pulls sync.WaitGroup
	for range 64 {
		pulls.Go(func() {
			into := filepath.Join(t.TempDir(), "lei")
			if _, err := c.PullSnapshot(t.Context(), repository(t, reg).Tag("latest"), into, leioci.VerifyReports()); err != nil {
				t.Error(err)
			}
		})
	}
	update(report, report)
	pulls.Wait()
}

func TestOnlyWhatIsOnThisMachineIsServed(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	ref, err := leioci.ParseReference(reg.Host() + "/org/lei-cache")
	must(t, err)
	parse := func(s string) leioci.Location {
		l, err := leioci.ParseLocation(s)
		must(t, err)
		return l
	}
	absent := filepath.Join(t.TempDir(), "absent")
	for what, tc := range map[string]struct {
		src  leioci.Location
		want error
	}{
		"a registry":     {leioci.RegistryLocation(ref), leioci.ErrInvalidReference},
		"nothing":        {leioci.Location{}, leioci.ErrInvalidReference},
		"a tag":          {parse("oci-layout:" + absent + ":latest"), leioci.ErrInvalidReference},
		"a layout":       {parse("oci-layout:" + absent), leioci.ErrNotFound},
		"an archive":     {parse("oci-archive:" + absent), leioci.ErrNotFound},
		"not an archive": {parse("oci-archive:" + sampleDir + "/manifest.json"), leioci.ErrUnsupportedManifest},
	} {
		if h, err := leioci.NewHandler(t.Context(), tc.src); h != nil || !errors.Is(err, tc.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for dir, want := range map[string]error{"": leioci.ErrNotFound, absent: leioci.ErrNotFound, t.TempDir(): leioci.ErrNotFound} {
		if h, err := leioci.NewDirectoryHandler(t.Context(), dir); h != nil || !errors.Is(err, want) {
			t.Errorf("%q: %v", dir, err)
		}
	}
	for what, opt := range map[string]leioci.HandlerOption{
		"nil": nil, "no name": leioci.HandlerRepository(""), "a bad name": leioci.HandlerRepository("A/b"), "nil logger": leioci.HandlerLogger(nil),
	} {
		if h, err := leioci.NewDirectoryHandler(t.Context(), sampleDir, opt); h != nil || err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

func TestALayoutAndAnArchiveAreServedWhole(t *testing.T) {
	upstream, work := leiocitest.NewRegistry(t), t.TempDir()
	c := newClient(t)
	pushSample(t, c, repository(t, upstream), "latest", "v1")
	src, err := leioci.ParseLocation(repository(t, upstream).Name())
	must(t, err)
	for _, place := range []string{"oci-layout:" + filepath.Join(work, "layout"), "oci-archive:" + filepath.Join(work, "lei.tar")} {
		dst, err := leioci.ParseLocation(place)
		must(t, err)
		_, err = c.Copy(t.Context(), src, dst, leioci.AllTags())
		must(t, err)
		h, err := leioci.NewHandler(t.Context(), dst, leioci.HandlerRepository("org/lei-cache"))
		must(t, err)
		reg := leiocitest.Serve(t, h)
		for _, tag := range []string{"latest", "v1"} {
			res, err := c.PullSnapshot(t.Context(), repository(t, reg).Tag(tag), filepath.Join(t.TempDir(), "lei"))
			if err != nil || res.Digest.String() != sampleDigest {
				t.Errorf("%s, %s: %+v, %v", place, tag, res, err)
			}
		}
		resp, err := http.Get("http://" + reg.Host() + "/v2/other/manifests/latest") //nolint:noctx // the server ends with the test
		must(t, err)
		_, err = io.Copy(io.Discard, resp.Body)
		if must(t, errors.Join(err, resp.Body.Close())); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: another name: %d", place, resp.StatusCode)
		}
		must(t, h.Close())
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestADirectoryThatIsDamagedIsNotServedUntilItIsMended(t *testing.T) {
	dir := pulledSample(t)
	reg := served(t, dir)
	cache := filepath.Join(dir, "cache.jsonl.gz")
	content := readFile(t, cache)
	must(t, os.WriteFile(cache, append([]byte("x"), content...), 0o600))
	c := newClient(t)
	if res, err := c.PullSnapshot(t.Context(), repository(t, reg).Tag("latest"), t.TempDir()); err == nil {
		t.Errorf("got %+v", res)
	}
	must(t, os.WriteFile(cache, content, 0o600))
	must(t, os.Chtimes(cache, time.Now(), time.Now().Add(time.Second)))
	if _, err := c.PullSnapshot(t.Context(), repository(t, reg).Tag("latest"), t.TempDir()); err != nil {
		t.Error(err)
	}
}

func TestAHandlerThatWasNotMadeServesNothing(t *testing.T) {
	var none *leioci.Handler // what a function that failed returned
	for what, h := range map[string]*leioci.Handler{"nil": none, "zero": {}} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v2/", nil))
		if w.Code != http.StatusInternalServerError {
			t.Errorf("%s: status %d", what, w.Code)
		}
		must(t, h.Close())
	}
}
