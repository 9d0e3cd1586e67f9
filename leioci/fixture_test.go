package leioci_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// Output of the original client: see testdata/lei-0.9.1.
const (
	sampleDir      = "testdata/lei-0.9.1"
	sampleDigest   = "sha256:22698cac51675520fc8aa978bce0c53f2399dc5eb7d44d4e93f2285cb51a4ba8"
	sampleConfig   = "sha256:0a735b82bafe393912fba1e3a93c113c7386f3895dcb5688d90d788fe93bdf8d"
	sampleManifest = "sha256:12e5fdc10a28a5335fe71118db3326224553c08906c2c4d32df647962d06cc4d"
	sampleCache    = "sha256:1d87a087be8daef784752e6dc16cf995441a77b3156ff980ba5caa67f06c71ce"
)

// newClient returns a client whose connections end with the test. It does not retry, so that tests
// see exactly the requests that they cause. An option overrides that.
func newClient(t testing.TB, opts ...leioci.Option) *leioci.Client {
	t.Helper()
	base := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(base.CloseIdleConnections)
	bodies := &bodies{base: base}
	t.Cleanup(func() {
		if n := bodies.open.Load(); n != 0 {
			t.Errorf("%d bodies were left open", n)
		}
	})
	c, err := leioci.New(append([]leioci.Option{leioci.WithTransport(bodies), once()}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// once is the policy without retries.
func once() leioci.Option { return leioci.WithRetry(leioci.RetryPolicy{Attempts: 1}) }

// bodies counts open response bodies and the bytes read of each blob.
type bodies struct {
	base    http.RoundTripper
	open    atomic.Int64
	longest atomic.Int64

	mu   sync.Mutex
	read map[string]int64 // by path
}

func (b *bodies) count(path string, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.read == nil {
		b.read = map[string]int64{}
	}
	b.read[path] += int64(n)
	b.longest.Store(max(b.longest.Load(), b.read[path]))
}

func (b *bodies) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.base.RoundTrip(req)
	if err == nil {
		b.open.Add(1)
		var once sync.Once
		resp.Body = closer{resp.Body, func() { once.Do(func() { b.open.Add(-1) }) }, func(n int) {
			if resp.StatusCode < http.StatusBadRequest && strings.Contains(req.URL.Path, "/blobs/") {
				b.count(req.URL.Path, n)
			}
		}}
	}
	return resp, err
}

// closer reports when it is closed and what was read.
type closer struct {
	io.ReadCloser
	closed func()
	read   func(n int)
}

func (c closer) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.read(n)
	return n, err
}

func (c closer) Close() error {
	c.closed()
	return c.ReadCloser.Close()
}

// roundTripper is a function that sends requests.
type roundTripper func(*http.Request) (*http.Response, error)

func (t roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return t(req) }

// repository returns a repository in a registry.
func repository(t testing.TB, reg *leiocitest.Registry) name.Repository {
	t.Helper()
	repo, err := leioci.ParseRepository(reg.Host() + "/org/lei-cache")
	if err != nil {
		t.Fatal(err)
	}
	return repo
}

// readFile returns a file's content.
func readFile(t testing.TB, elem ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// newBlob returns data as a layer under a given digest.
func newBlob(t testing.TB, digest string, data []byte) v1.Layer {
	t.Helper()
	h, err := v1.NewHash(digest)
	if err != nil {
		t.Fatal(err)
	}
	l, err := leioci.NewBlob(h, data)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// sample returns the original's manifest and blobs.
func sample(t testing.TB) ([]byte, []v1.Layer) {
	t.Helper()
	return readFile(t, sampleDir, "oci-manifest.json"), []v1.Layer{
		newBlob(t, sampleConfig, readFile(t, sampleDir, "config.json")),
		newBlob(t, sampleManifest, readFile(t, sampleDir, "manifest.json")),
		newBlob(t, sampleCache, readFile(t, sampleDir, "cache.jsonl.gz")),
	}
}

// pushSample pushes the original's artifact and returns its digest reference.
func pushSample(t testing.TB, c *leioci.Client, repo name.Repository, tags ...string) name.Digest {
	t.Helper()
	manifest, blobs := sample(t)
	digest, err := c.Push(t.Context(), repo, tags, manifest, blobs)
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

// requestCount counts the requests that start with prefix, "METHOD path".
func requestCount(reg *leiocitest.Registry, prefix string) int {
	n := 0
	for _, r := range reg.Requests() {
		if strings.HasPrefix(r, prefix) {
			n++
		}
	}
	return n
}

// assertSame fails unless the files have the same content in both directories.
func assertSame(t testing.TB, want, got string, files ...string) {
	t.Helper()
	for _, f := range files {
		if string(readFile(t, want, f)) != string(readFile(t, got, f)) {
			t.Errorf("%s is not the same in %s and %s", f, want, got)
		}
	}
}

// dialer connects to addr, regardless of the URL's host.
func dialer(addr string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
}

// namesIn returns the names in a directory, sorted.
func namesIn(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
