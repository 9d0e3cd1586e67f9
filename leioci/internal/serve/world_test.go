package serve_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/serve"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

const rawManifest = `{"schemaVersion":2}`

// A memory is a repository in memory, with one manifest under its tags.
type memory struct {
	store.Reader // what the handler must not call
	manifest     *store.Manifest
	tags         []string
	blobs        map[v1.Hash]string
	referring    []v1.Descriptor
	err          error                       // of everything, if not nil
	wrap         func(store.File) store.File // what blobs are read through; may be nil
}

func newMemory(blobs ...string) *memory {
	m := &memory{tags: []string{"latest", "2026-02-08", "Weekly"}, blobs: map[v1.Hash]string{}}
	m.manifest = &store.Manifest{Raw: []byte(rawManifest), Descriptor: v1.Descriptor{
		MediaType: types.OCIManifestSchema1, Size: int64(len(rawManifest)), Digest: digestOf(rawManifest),
	}}
	for _, b := range blobs {
		m.blobs[digestOf(b)] = b
	}
	return m
}

func digestOf(s string) v1.Hash {
	h, _, err := v1.SHA256(strings.NewReader(s))
	if err != nil {
		panic(err)
	}
	return h
}

func (m *memory) String() string { return "the memory" }
func (m *memory) Close() error   { return nil }

func (m *memory) Manifest(_ context.Context, id string) (*store.Manifest, error) {
	if m.err != nil {
		return nil, m.err
	}
	for _, known := range append(m.tags, m.manifest.Descriptor.Digest.String()) {
		if id == known {
			return m.manifest, nil
		}
	}
	return nil, fmt.Errorf("%s: %w in /secret/path", id, errdef.ErrNotFound)
}

func (m *memory) Tags(context.Context) ([]string, error) { return m.tags, m.err }

func (m *memory) Referrers(context.Context, v1.Hash) ([]v1.Descriptor, error) {
	return m.referring, m.err
}

func (m *memory) OpenBlob(_ context.Context, digest v1.Hash) (store.File, int64, error) {
	if m.err != nil {
		return nil, 0, m.err
	}
	b, ok := m.blobs[digest]
	if !ok {
		return nil, 0, errdef.ErrNotFound
	}
	var f store.File = file{strings.NewReader(b)}
	if m.wrap != nil {
		f = m.wrap(f)
	}
	return f, int64(len(b)), nil
}

type file struct{ *strings.Reader }

func (file) Close() error { return nil }

// breaking is a file that cannot be read after some bytes.
type breaking struct {
	store.File
	after int
	err   error // or its early end
}

func (b *breaking) Read(p []byte) (int, error) {
	if b.after == 0 {
		return 0, b.err
	}
	n, err := b.File.Read(p[:min(len(p), b.after)])
	b.after -= n
	return n, err
}

func discard() *logrus.Logger {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return log
}

// A logged handler and what it logged.
func logged(m *memory, name string) (*serve.Handler, *bytes.Buffer) {
	var text bytes.Buffer
	log := logrus.New()
	log.SetOutput(&text)
	log.SetLevel(logrus.DebugLevel)
	return serve.New(m, name, log), &text
}

// do sends a request to a handler in the way of a server.
func do(h http.Handler, method, url string, headers ...string) *http.Response {
	r := httptest.NewRequestWithContext(context.Background(), method, url, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

// listen starts a server, and returns its address.
func listen(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func body(t *testing.T, resp *http.Response) string {
	t.Helper()
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	must(t, err)
	return string(b)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var errDisk = errors.New("read /secret/path: input/output error")
