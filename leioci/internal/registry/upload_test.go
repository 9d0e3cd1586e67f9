package registry_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/static"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// A layer is content to upload that counts how often it was opened.
type layer struct {
	v1.Layer
	content string
	opened  atomic.Int64
}

func newLayer(content string) *layer {
	return &layer{Layer: static.NewLayer([]byte(content), "application/octet-stream"), content: content}
}

func (l *layer) Compressed() (io.ReadCloser, error) {
	l.opened.Add(1)
	return l.Layer.Compressed()
}

func (l *layer) digest(t *testing.T) v1.Hash { return descriptor(t, l.content).Digest }

const uploads = "/v2/org/cache/blobs/uploads/"

// lost is a fault after which the client does not know what the registry did: it does it, and the
// response is lost.
func lost(_ http.ResponseWriter, r *http.Request, registry http.Handler) {
	registry.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

func TestARestoredBlobIsSentUnlessItIsThere(t *testing.T) {
	for name, tc := range map[string]struct {
		content             string
		method              string // of the request that has a fault
		fault               leiocitest.Fault
		looks, opens, sends int // how many requests of each kind
	}{
		"it is there":                   {sampleBlob, "", nil, 1, 0, 0},
		"it is not there":               {"new", "", nil, 1, 1, 1},
		"it is empty":                   {"", "", nil, 1, 1, 1},
		"the look fails once":           {"new", http.MethodHead, leiocitest.Status(http.StatusBadGateway, ""), 2, 1, 1},
		"the opening fails once":        {"new", http.MethodPost, leiocitest.Status(http.StatusBadGateway, ""), 2, 2, 1},
		"the sending fails once":        {"new", http.MethodPut, leiocitest.Status(http.StatusBadGateway, ""), 2, 2, 2},
		"the connection breaks":         {"new", http.MethodPut, leiocitest.Cut(), 2, 2, 2},
		"the response is lost":          {"new", http.MethodPut, lost, 2, 1, 1},
		"the upload session is unknown": {"new", http.MethodPut, leiocitest.Status(http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN"), 2, 2, 2},
		"the upload session is broken":  {"new", http.MethodPut, leiocitest.Status(http.StatusBadRequest, "BLOB_UPLOAD_INVALID"), 2, 2, 2},
		"the range is wrong":            {"new", http.MethodPut, leiocitest.Status(http.StatusRequestedRangeNotSatisfiable, ""), 2, 2, 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			handler := sampleHandler(t)
			reg := w.network.Serve("main.localhost", handler)
			d := w.client().Destination(repository(t, "main.localhost"))
			if tc.fault != nil {
				reg.On(tc.method, "/blobs/", 1, tc.fault)
			}
			blob := newLayer(tc.content)
			sent, err := d.Restore(t.Context(), blob, blob.digest(t))
			must(t, err)
			if want := tc.content != sampleBlob; sent != want {
				t.Errorf("sent is %v, want %v", sent, want)
			}
			got := [...]int{asked(reg, "HEAD /v2/org/cache/blobs/"), asked(reg, "POST "+uploads), asked(reg, "PUT "+uploads)}
			if want := [...]int{tc.looks, tc.opens, tc.sends}; got != want {
				t.Errorf("looks, openings and sendings are %v, want %v:\n%s", got, want, strings.Join(reg.Requests(), "\n"))
			}
			if tc.content != "" && blob.opened.Load() != int64(tc.sends) {
				t.Errorf("the content was opened %d times for %d sendings", blob.opened.Load(), tc.sends)
			}
			if stored := say(t, handler, "GET", "/v2/org/cache/blobs/"+blob.digest(t).String(), "", ""); stored != tc.content {
				t.Errorf("the registry has %q", stored)
			}
		})
	}
}

func TestAnUploadThatTheRegistryRefusesIsNotTriedAgain(t *testing.T) {
	for name, tc := range map[string]struct {
		method string
		fault  leiocitest.Fault
		step   string
	}{
		"at the look":             {http.MethodHead, leiocitest.Status(http.StatusForbidden, ""), "check for it"},
		"at the opening":          {http.MethodPost, leiocitest.Status(http.StatusForbidden, "DENIED"), "open an upload"},
		"opened without Location": {http.MethodPost, leiocitest.Location(func(string) string { return "" }), "open an upload"},
		"sent, and denied":        {http.MethodPut, leiocitest.Status(http.StatusForbidden, "DENIED"), "send it"},
		"sent, and wrong":         {http.MethodPut, leiocitest.Status(http.StatusBadRequest, "DIGEST_INVALID"), "send it"},
		"sent, and not created":   {http.MethodPut, leiocitest.Status(http.StatusOK, ""), "send it"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			reg, repo := w.serve("main.localhost")
			fault := reg.On(tc.method, "/blobs/", leiocitest.Always, tc.fault)
			blob := newLayer("new")
			_, err := w.client().Destination(repo).Restore(t.Context(), blob, blob.digest(t))
			if err == nil || !strings.Contains(err.Error(), tc.step) || fault.Hits() != 1 {
				t.Errorf("got %v after %d tries", err, fault.Hits())
			}
		})
	}
}

func TestAnUploadGoesWhereTheRegistrySays(t *testing.T) {
	for name, edit := range map[string]func(string) string{
		"a path":                   func(s string) string { return s },
		"a path with a query":      func(s string) string { return s + "?_state=a%2Fb" },
		"a URL":                    func(s string) string { return "http://main.localhost" + s },
		"a URL of another scheme":  func(s string) string { return "https://main.localhost" + s },
		"a URL of another host":    func(s string) string { return "http://storage.localhost" + s + "?_state=a%2Fb" },
		"a digest that it expects": func(s string) string { return s + "?digest=sha256:0" },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			handler := sampleHandler(t)
			main, storage := w.network.Serve("main.localhost", handler), w.network.Serve("storage.localhost", handler)
			var location string
			main.On(http.MethodPost, "", 1, leiocitest.Location(func(s string) string { location = edit(s); return location }))
			blob := newLayer("new")
			_, err := w.client().Destination(repository(t, "main.localhost")).Upload(t.Context(), blob, blob.digest(t))
			must(t, err)
			to := main
			if strings.Contains(location, "storage") {
				to = storage
			}
			var sent string
			for _, r := range to.Requests() {
				if s, ok := strings.CutPrefix(r, "PUT "); ok {
					sent = s
				}
			}
			u := httptest.NewRequestWithContext(t.Context(), http.MethodPut, sent, nil).URL.Query()
			if u.Get("digest") != blob.digest(t).String() || strings.Contains(location, "_state") != (u.Get("_state") == "a/b") {
				t.Errorf("the content was sent to %q, want %q with the digest", sent, location)
			}
		})
	}
}

func TestHasBlobAsksTheRepository(t *testing.T) {
	w := newWorld(t)
	reg, repo := w.serve("main.localhost")
	d := w.client().Destination(repo)
	for content, want := range map[string]bool{sampleBlob: true, "absent": false} {
		if got, err := d.HasBlob(t.Context(), descriptor(t, content).Digest, int64(len(content))); err != nil || got != want {
			t.Errorf("%q: got %v, %v", content, got, err)
		}
	}
	reg.On(http.MethodHead, "", 1, leiocitest.Status(http.StatusForbidden, ""))
	var response *transport.Error
	if got, err := d.HasBlob(t.Context(), sample(t).Digest, sample(t).Size); got || !errors.As(err, &response) || response.StatusCode != http.StatusForbidden {
		t.Errorf("denied: got %v, %v", got, err)
	}
}

// unending is a layer whose content has no end or, if it is empty, never gets further.
type unending struct {
	*layer
	piece string
}

func (u unending) Compressed() (io.ReadCloser, error) { return io.NopCloser(u), nil }

func (u unending) Read(p []byte) (int, error) { return copy(p, u.piece), nil }

// hollow is a layer without content, and without an error.
type hollow struct{ *layer }

func (hollow) Compressed() (io.ReadCloser, error) { return nil, nil }

// Nothing is left that reads: the goroutines are counted when the tests have ended.
func TestContentThatNeverEndsIsNotSentForEver(t *testing.T) {
	for name, blob := range map[string]v1.Layer{
		"no end": unending{newLayer("new"), "000"}, "no progress": unending{newLayer("new"), ""}, "no content": hollow{newLayer("new")},
	} {
		w := newWorld(t)
		reg, repo := w.serve("main.localhost")
		d := w.client().Destination(repo)
		digest := newLayer("new").digest(t)
		if _, err := d.Upload(t.Context(), blob, digest); err == nil {
			t.Errorf("%s: no error", name)
		}
		hash := func(context.Context) (v1.Hash, error) { return digest, nil }
		if _, _, err := d.Stream(t.Context(), blob, hash); err == nil {
			t.Errorf("%s: no error of a stream", name)
		}
		if name == "no content" && asked(reg, "PUT ")+asked(reg, "PATCH ") > 0 {
			t.Error("nothing was sent, several times")
		}
	}
}
