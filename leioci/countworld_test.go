package leioci_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// counts are a registry's requests by purpose, and the bytes of blobs that it sent.
type counts struct {
	ping     int // GET /v2/
	head     int // HEAD of a manifest
	manifest int // GET of a manifest
	blobs    int // GET of a blob, from its beginning
	ranges   int // GET of a blob, from an offset
	other    int
	bytes    int64
}

func (c counts) String() string {
	return fmt.Sprintf("%4d %4d %8d %5d %6d %8d", c.ping, c.head, c.manifest, c.blobs, c.ranges, c.bytes)
}

// A counted is a registry that counts its requests.
type counted struct {
	*leiocitest.Registry
	mu     sync.Mutex
	counts counts
}

func newCounted(network *leiocitest.Network, host string) *counted {
	c := &counted{}
	inner := network.Serve("store."+host, leiocitest.NewHandler()) // its faults are those of Registry
	c.Registry = inner
	network.Serve(host, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.count(r)
		inner.ServeHTTP(&countingWriter{w, r, c}, r)
	}))
	return c
}

func (c *counted) count(r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	is := func(method, part string) bool { return r.Method == method && strings.Contains(r.URL.Path, part) }
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/v2/":
		c.counts.ping++
	case is(http.MethodHead, "/manifests/"):
		c.counts.head++
	case is(http.MethodGet, "/manifests/"):
		c.counts.manifest++
	case is(http.MethodGet, "/blobs/") && r.Header.Get("Range") == "":
		c.counts.blobs++
	case is(http.MethodGet, "/blobs/"):
		c.counts.ranges++
	default:
		c.counts.other++
	}
}

// take returns what was counted since the last time.
func (c *counted) take() counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	was := c.counts
	c.counts = counts{}
	return was
}

// countingWriter counts the bytes of a blob.
type countingWriter struct {
	http.ResponseWriter
	r *http.Request
	c *counted
}

func (w *countingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *countingWriter) Write(p []byte) (int, error) {
	if w.r.Method == http.MethodGet && strings.Contains(w.r.URL.Path, "/blobs/") {
		w.c.mu.Lock()
		w.c.counts.bytes += int64(len(p)) // before a client can receive them and finish
		w.c.mu.Unlock()
	}
	return w.ResponseWriter.Write(p)
}

// A countWorld is a repository, a mirror of it, and a directory.
type countWorld struct {
	t       testing.TB
	network *leiocitest.Network
	main    *counted
	mirror  *counted
	repos   map[*counted]name.Repository
	dir     string
	files   string          // the directory of the last snapshot pushed
	digest  string          // of its manifest
	layers  []v1.Descriptor // cache.jsonl.gz, manifest.json
}

func newCountWorld(t testing.TB) *countWorld {
	t.Helper()
	w := &countWorld{t: t, network: leiocitest.NewNetwork(t), repos: map[*counted]name.Repository{}, dir: filepath.Join(t.TempDir(), "lei")}
	w.main, w.mirror = newCounted(w.network, mainHost), newCounted(w.network, mirrorA)
	for c, host := range map[*counted]string{w.main: mainHost, w.mirror: mirrorA} {
		repo, err := leioci.ParseRepository(host + "/org/lei-cache")
		must(t, err)
		w.repos[c] = repo
	}
	w.push(leiocitest.WriteSnapshot(t, older, report), w.main, w.mirror)
	return w
}

// client returns a new client, like that of a new process.
func (w *countWorld) client(opts ...leioci.Option) *leioci.Client {
	w.t.Helper()
	return newClient(w.t, append([]leioci.Option{leioci.WithTransport(w.network.Transport()), leioci.WithPlainHTTP(mainHost, mirrorA)}, opts...)...)
}

// push pushes a snapshot, as latest.
func (w *countWorld) push(dir string, to ...*counted) {
	w.t.Helper()
	img, err := leioci.Package(w.t.Context(), dir)
	must(w.t, err)
	for _, c := range to {
		digest, err := w.client().PushSnapshot(w.t.Context(), w.repos[c], []string{"latest"}, img)
		must(w.t, err)
		w.digest = digest.DigestStr()
		c.take()
	}
	m, err := img.Manifest()
	must(w.t, err)
	w.layers = slices.Clone(m.Layers)
	if w.layers[0].MediaType != leioci.MediaTypeCache {
		slices.Reverse(w.layers)
	}
	w.files = dir
}

// pull pulls latest with a new client.
func (w *countWorld) pull(opts ...leioci.Option) (*leioci.PullResult, error) {
	w.t.Helper()
	return w.client(opts...).PullSnapshot(w.t.Context(), w.repos[w.main].Tag("latest"), w.dir)
}

// interrupt aborts a pull in the middle of the cache, after manifest.json is complete.
func (w *countWorld) interrupt() {
	w.t.Helper()
	half := leiocitest.Truncate(int(w.layers[0].Size / 2))
	cut := w.main.On(http.MethodGet, "/blobs/"+w.layers[0].Digest.String(), 1, func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
		for !w.has(w.layers[1]) && r.Context().Err() == nil {
			time.Sleep(time.Millisecond)
		}
		half(rw, r, registry)
	})
	if _, err := w.pull(); err == nil || cut.Hits() != 1 {
		w.t.Fatalf("the pull was not interrupted: %v", err)
	}
	w.main.take()
}

// partial returns the partial file of the cache.
func (w *countWorld) partial() string {
	w.t.Helper()
	found := w.partials(w.layers[0])
	if len(found) != 1 {
		w.t.Fatalf("the partial file is not there: %q", found)
	}
	return found[0]
}

// has reports whether a layer's partial file is complete.
func (w *countWorld) has(d v1.Descriptor) bool {
	found := w.partials(d)
	if len(found) != 1 {
		return false
	}
	info, err := os.Stat(found[0])
	return err == nil && info.Size() == d.Size
}

func (w *countWorld) partials(d v1.Descriptor) []string {
	found, err := filepath.Glob(filepath.Join(filepath.Dir(w.dir), ".leioci-partial-*"+d.Digest.Hex))
	if err != nil {
		w.t.Error(err)
	}
	return found
}

// changeReports pushes a snapshot with a different cache, but the same bytes in manifest.json. LEI
// never writes such a pair, but an artifact may contain one.
func (w *countWorld) changeReports() {
	w.t.Helper()
	dir := leiocitest.WriteSnapshot(w.t, older, `{"data":{"repo":"https://example.org/b","noise":"`+noise(5000)+`"}}`)
	must(w.t, os.WriteFile(filepath.Join(dir, "manifest.json"), readFile(w.t, w.files, "manifest.json"), 0o644))
	w.push(dir, w.main)
}
