package leioci_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// overwriteWorld is a repository whose latest and 2026-02-10 hold a newer snapshot, and an older one
// that is to be pushed.
type overwriteWorld struct {
	reg    *leiocitest.Registry
	client *leioci.Client
	repo   name.Repository
	held   string // the digest that the tags hold
	img    v1.Image
}

func newOverwriteWorld(t *testing.T) *overwriteWorld {
	t.Helper()
	reg := leiocitest.NewRegistry(t)
	w := &overwriteWorld{reg: reg, client: newClient(t), repo: repository(t, reg)}
	pushSnapshot(t, w.client, reg, leiocitest.WriteSnapshot(t, tuesday), "2026-02-10", "latest")
	w.held = w.digestAt(t, "latest")
	var err error
	w.img, err = leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, monday))
	must(t, err)
	return w
}

func (w *overwriteWorld) digestAt(t *testing.T, tag string) string {
	t.Helper()
	m, err := w.client.PullManifest(t.Context(), w.repo.Tag(tag))
	must(t, err)
	return m.Descriptor.Digest.String()
}

func (w *overwriteWorld) push(t *testing.T, tags []string, opts ...leioci.PushOption) error {
	t.Helper()
	_, err := w.client.PushSnapshot(t.Context(), w.repo, tags, w.img, append(opts, leioci.NoOverwrite())...)
	return err
}

func TestNoOverwriteReplacesNoTagAndUploadsNothing(t *testing.T) {
	for name, tc := range map[string]struct {
		tags []string
		says []string
		opts []leioci.PushOption
	}{
		"a moving tag":            {tags: []string{"latest"}, says: []string{"latest"}},
		"a dated tag":             {tags: []string{"2026-02-10"}, says: []string{"2026-02-10"}},
		"the last of three":       {tags: []string{"2026-02-09", "new", "latest"}, says: []string{"latest"}},
		"all of them":             {tags: []string{"2026-02-10", "new", "latest"}, says: []string{"2026-02-10", "latest"}},
		"moving back is allowed":  {tags: []string{"2026-02-09", "latest"}, says: []string{"latest"}, opts: []leioci.PushOption{leioci.AllowMoveBack()}},
		"the future is allowed":   {tags: []string{"2026-02-10"}, says: []string{"2026-02-10"}, opts: []leioci.PushOption{leioci.PushFuture()}},
		"a dated tag not in turn": {tags: []string{"new", "2026-02-10"}, says: []string{"2026-02-10"}},
	} {
		w := newOverwriteWorld(t)
		before := requestCount(w.reg, "PUT ") + requestCount(w.reg, "PATCH ")
		err := w.push(t, tc.tags, tc.opts...)
		if !errors.Is(err, leioci.ErrTagExists) || errors.Is(err, leioci.ErrOlder) {
			t.Errorf("%s: got %v", name, err)
			continue
		}
		for _, tag := range tc.tags {
			if named := strings.Contains(err.Error(), tag+" holds "+w.held); named != slices.Contains(tc.says, tag) {
				t.Errorf("%s: %s is named: %v, in %v", name, tag, named, err)
			}
		}
		if n := requestCount(w.reg, "PUT ") + requestCount(w.reg, "PATCH "); n > before {
			t.Errorf("%s: something was uploaded: %q", name, w.reg.Requests())
		}
	}
}

func TestNoOverwriteCountsATagThatHoldsTheManifestAsPushed(t *testing.T) {
	w := newOverwriteWorld(t)
	must(t, w.push(t, []string{"2026-02-09"}))
	must(t, w.push(t, []string{"2026-02-09", "new"}))
	before := requestCount(w.reg, "PUT ")
	must(t, w.push(t, []string{"2026-02-09", "new"}, leioci.AllowMoveBack()))
	if n := requestCount(w.reg, "PUT "); n > before {
		t.Errorf("what is there was put again: %q", w.reg.Requests())
	}
	if a, b := w.digestAt(t, "2026-02-09"), w.digestAt(t, "new"); a != b || a == w.held {
		t.Errorf("the tags hold %s and %s", a, b)
	}
}

func TestNoOverwriteReplacesNothingThatIsNoSnapshot(t *testing.T) {
	index := `{"schemaVersion":2,"mediaType":"` + ociIndex + `","manifests":[]}`
	image := `{"schemaVersion":2,"config":` + emptyBlob + `,"layers":[` + emptyBlob + `]}`
	for name, body := range map[string][2]string{"an index": {ociIndex, index}, "another image": {ociManifest, image}} {
		w := newOverwriteWorld(t)
		w.reg.On(http.MethodGet, "/manifests/other", leiocitest.Always, respond(http.StatusOK, body[0], body[1]))
		if err := w.push(t, []string{"other"}); !errors.Is(err, leioci.ErrTagExists) || !strings.Contains(err.Error(), "other holds sha256:") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestNoOverwriteDoesNotPushToATagThatItCannotSee(t *testing.T) {
	for name, tc := range map[string]struct {
		look leiocitest.Fault
		want error // nil for any
	}{
		"401":           {leiocitest.Status(http.StatusUnauthorized, "UNAUTHORIZED"), leioci.ErrUnauthorized},
		"403":           {leiocitest.Status(http.StatusForbidden, "DENIED"), leioci.ErrDenied},
		"404 as a page": {respond(http.StatusNotFound, "text/html", "<html>not here</html>"), leioci.ErrNotFound},
		"404 for 403":   {leiocitest.Status(http.StatusNotFound, "DENIED"), leioci.ErrNotFound},
		"429":           {leiocitest.Status(http.StatusTooManyRequests, ""), nil},
		"503":           {leiocitest.Status(http.StatusServiceUnavailable, ""), nil},
		"a page":        {respond(http.StatusOK, "text/html", "<html>log in</html>"), leioci.ErrUnsupportedManifest},
		"cut off":       {leiocitest.Cut(), nil},
	} {
		for _, tag := range []string{"2026-02-09", "new"} {
			w := newOverwriteWorld(t)
			fault := w.reg.On(http.MethodGet, "/manifests/"+tag, leiocitest.Always, tc.look)
			before := requestCount(w.reg, "PUT ")
			err := w.push(t, []string{"2026-02-09", "new"}, leioci.AllowMoveBack())
			if err == nil || tc.want != nil && !errors.Is(err, tc.want) || errors.Is(err, leioci.ErrTagExists) || strings.Contains(err.Error(), "move-back") {
				t.Errorf("%s, %s: got %v", name, tag, err)
			}
			if fault.Hits() == 0 || requestCount(w.reg, "PUT ") > before {
				t.Errorf("%s, %s: %d hits, %q", name, tag, fault.Hits(), w.reg.Requests())
			}
		}
	}
}

func TestNoOverwriteSeesATagThatIsMadeDuringTheUpload(t *testing.T) {
	w := newOverwriteWorld(t)
	other, err := leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, monday, `{"data":{"repo":"other"}}`))
	must(t, err)
	w.reg.On(http.MethodPut, "/blobs/", 1, func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
		if _, err := newClient(t).PushSnapshot(t.Context(), w.repo, []string{"new"}, other); err != nil {
			t.Error(err)
		}
		registry.ServeHTTP(rw, r)
	})
	err = w.push(t, []string{"2026-02-09", "new"})
	digest := must2(other.Digest()).String()
	var push *leioci.PushError
	if !errors.Is(err, leioci.ErrTagExists) || !errors.As(err, &push) || len(push.Pushed) > 0 || len(push.Failed) != 2 || !strings.Contains(err.Error(), "new holds "+digest) {
		t.Errorf("got %v", err)
	}
	if got := w.digestAt(t, "new"); got != digest {
		t.Errorf("new holds %s", got)
	}
	if n := requestCount(w.reg, "PUT /v2/org/lei-cache/manifests/2026-02-09"); n > 0 {
		t.Errorf("2026-02-09 was put %d times", n)
	}
}

// A registry whose tags are immutable decides who comes first.
func TestAnImmutableTagThatIsMadeAtTheLastMomentExists(t *testing.T) {
	for _, status := range []int{400, 403, 405, 409, 412} {
		w := newOverwriteWorld(t)
		w.reg.On(http.MethodGet, "/manifests/2026-02-10", 2, leiocitest.Status(http.StatusNotFound, "MANIFEST_UNKNOWN"))
		w.reg.On(http.MethodPut, "/manifests/2026-02-10", leiocitest.Always, leiocitest.Status(status, "DENIED"))
		err := w.push(t, []string{"2026-02-10"})
		var push *leioci.PushError
		if !errors.Is(err, leioci.ErrTagExists) || !errors.As(err, &push) || push.Failed[0].Unknown || !strings.Contains(err.Error(), w.held) {
			t.Errorf("%d: got %v", status, err)
		}
	}
}
