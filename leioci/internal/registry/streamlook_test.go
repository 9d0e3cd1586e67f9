package registry_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// longContent is content that is long enough to be looked for while it is sent.
var longContent = strings.Repeat("0123456789abcdef", registry.StreamFrom/16+1<<16)

// fileLayer is a layer that is opened as a bare file.
type fileLayer struct {
	*layer
	path string
}

func newFileLayer(t *testing.T, content string) fileLayer {
	t.Helper()
	path := filepath.Join(t.TempDir(), "blob")
	must(t, os.WriteFile(path, []byte(content), 0o600))
	return fileLayer{newLayer(content), path}
}

func (l fileLayer) Compressed() (io.ReadCloser, error) { return os.Open(l.path) }

// The digest is known once the registry has read n bytes, and reads no more for now.
func TestABlobThatIsThereIsNotSentToItsEnd(t *testing.T) {
	for name, tc := range map[string]struct {
		content string
		there   bool
		file    bool
		n       int64
		looks   int
	}{
		"it is there":             {longContent, true, false, 1000, 1},
		"it is there, and a file": {longContent, true, true, 1000, 1},
		"it is not there":         {longContent, false, false, 1000, 1},
		"little is left":          {longContent, true, true, 2 << 20, 0},
		"it is small":             {"small", true, false, 3, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			if tc.looks == 0 && tc.file && runtime.GOOS != "linux" {
				return // nobody knows how much is left
			}
			w := newWorld(t)
			handler := sampleHandler(t)
			reg := w.network.Serve("main.localhost", handler)
			blob := newFileLayer(t, tc.content)
			digest := blob.digest(t)
			if tc.there {
				say(t, handler, "POST", uploads+"?digest="+digest.String(), "application/octet-stream", tc.content)
			}
			begun, slow := make(chan struct{}), make(chan struct{})
			reg.On(http.MethodPatch, "", 1, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				var start strings.Builder
				_, err := io.CopyN(&start, r.Body, tc.n)
				close(begun)
				if err == nil {
					<-slow
					r.Body = io.NopCloser(io.MultiReader(strings.NewReader(start.String()), r.Body))
					next.ServeHTTP(w, r)
				}
			})
			hash := func(context.Context) (v1.Hash, error) {
				<-begun
				return digest, nil
			}
			go func() {
				synctest.Wait() // until nothing happens
				close(slow)
			}()
			var layer v1.Layer = blob.layer
			if tc.file {
				layer = blob
			}
			got, sent, err := w.client().Destination(repository(t, "main.localhost")).Stream(t.Context(), layer, hash)
			found := tc.there && tc.looks > 0
			if err != nil || got != digest || sent == found {
				t.Errorf("%s: got %s, sent: %v, %v", name, got, sent, err)
			}
			if n := asked(reg, "HEAD "); n != tc.looks {
				t.Errorf("%s: it was looked for %d times, want %d", name, n, tc.looks)
			}
			if n := asked(reg, "PUT "); (n == 0) != found {
				t.Errorf("%s: %d uploads were finished", name, n)
			}
			if n := asked(reg, "DELETE "+uploads); (n == 1) != found {
				t.Errorf("%s: %d uploads were ended", name, n)
			}
		})
	}
}

// A look that fails says nothing, and a rate limit of looks says nothing of sendings.
func TestABlobIsSentIfItCannotBeLookedFor(t *testing.T) {
	for name, fault := range map[string]leiocitest.Fault{
		"limited": leiocitest.RetryAfter(http.StatusTooManyRequests, "3600"), "denied": leiocitest.Status(http.StatusForbidden, ""),
		"cut": leiocitest.Cut(), "of another size": leiocitest.Header("Content-Length", "17"),
	} {
		for _, broken := range []bool{false, true} {
			w := newWorld(t)
			reg, repo := w.serve("main.localhost")
			looked := make(chan struct{})
			look := reg.On(http.MethodHead, "", 1, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				defer close(looked)
				fault(w, r, next)
			})
			reg.On(http.MethodPatch, "", 1, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				<-looked
				if broken {
					panic(http.ErrAbortHandler)
				}
				next.ServeHTTP(w, r)
			})
			blob := newLayer(longContent)
			_, sent, err := w.client().Destination(repo).Stream(t.Context(), blob, blob.known(t))
			if err != nil || !sent || look.Hits() != 1 || asked(reg, "PUT ") != 1 {
				t.Errorf("%s, broken: %v: got %v, sent: %v", name, broken, err, sent)
			}
		}
	}
}

// bodies remembers of what type the bodies of the requests are.
type bodies struct {
	http.RoundTripper
	types []string
}

func (b *bodies) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method == http.MethodPatch || req.Method == http.MethodPut && req.Body != nil {
		b.types = append(b.types, fmt.Sprintf("%s %T", req.Method, req.Body))
	}
	return b.RoundTripper.RoundTrip(req)
}

func TestTheKernelMaySendAFileOfAStream(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("elsewhere, its progress could not be told")
	}
	w := newWorld(t)
	reg, repo := w.serve("main.localhost")
	reg.On(http.MethodPut, "", 1, leiocitest.Status(http.StatusBadRequest, "DIGEST_INVALID")) // and then as a whole
	sent := &bodies{RoundTripper: w.network.Transport()}
	blob := newFileLayer(t, "new")
	_, _, err := w.client(func(c *registry.Config) { c.Transport = sent }).Destination(repo).Stream(t.Context(), blob, blob.known(t))
	must(t, err)
	if want := []string{"PATCH *os.File", "PUT *os.File"}; !slices.Equal(sent.types, want) {
		t.Errorf("got %q, want %q", sent.types, want)
	}
}

// A registry that takes anything and keeps nothing.
func discard(w http.ResponseWriter, r *http.Request) {
	_, err := io.Copy(io.Discard, r.Body)
	w.Header().Set("Location", "/v2/org/cache/blobs/uploads/1")
	switch {
	case err != nil:
		w.WriteHeader(http.StatusBadRequest)
	case r.Method == http.MethodPut:
		w.WriteHeader(http.StatusCreated)
	case r.Method == http.MethodHead:
		w.WriteHeader(http.StatusNotFound)
	case r.Method != http.MethodGet:
		w.WriteHeader(http.StatusAccepted)
	}
}

func TestAStreamTakesNoMoreMemoryForAHugeFile(t *testing.T) {
	reg := leiocitest.Serve(t, http.HandlerFunc(discard))
	repo := repository(t, reg.Host())
	w := newWorld(t)
	c := w.client(func(c *registry.Config) { c.Transport = registry.NewTransport(nil, nil) })
	defer c.CloseIdleConnections()
	blob := newFileLayer(t, "")
	must(t, os.Truncate(blob.path, 1<<30))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _, err := c.Destination(repo).Stream(t.Context(), huge{blob}, blob.known(t))
	runtime.ReadMemStats(&after)
	must(t, err)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d bytes were allocated for a file of 1 GiB", n)
	}
}

// huge has the size of its file.
type huge struct{ fileLayer }

func (huge) Size() (int64, error) { return 1 << 30, nil }
