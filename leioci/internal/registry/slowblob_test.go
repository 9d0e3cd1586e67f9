package registry_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// A slowBlob is a blob on registries that send each of their streams slowly, by the fake clock. It
// takes slowly when it comes as one stream.
type slowBlob struct {
	content string
	mu      sync.Mutex
	asked   []string         // the ranges that were asked for, or "" for the whole
	fault   leiocitest.Fault // for ranges; may be nil
	stream  leiocitest.Fault // for the first request of all; may be nil
	share   chan struct{}    // if not nil, all requests share the rate; it has room for one
}

const (
	slowSize = 8 << 20
	slowly   = slowSize / (32 << 10) * slowPause
	// slowPause comes after every 32 KiB.
	slowPause = 5 * time.Millisecond
)

// slowContent is made once, and so is its digest.
var slowContent = sync.OnceValues(func() (string, v1.Descriptor) {
	content := make([]byte, slowSize)
	_, _ = rand.NewChaCha8([32]byte{}).Read(content) // never fails
	return string(content), v1.Descriptor{
		Digest: v1.Hash{Algorithm: "sha256", Hex: fmt.Sprintf("%x", sha256.Sum256(content))}, Size: slowSize,
	}
})

// newSlowBlob returns a blob that is always the same.
func newSlowBlob() *slowBlob {
	content, _ := slowContent()
	return &slowBlob{content: content}
}

// allowLarge lets a client read it.
func allowLarge(c *registry.Config) { c.MaxBlobBytes = slowSize }

// at puts the blob on a registry.
func (s *slowBlob) at(reg *leiocitest.Registry) *leiocitest.Injection {
	return reg.On(http.MethodGet, "/blobs/", leiocitest.Always, s.serve)
}

func (s *slowBlob) serve(w http.ResponseWriter, r *http.Request, _ http.Handler) {
	s.mu.Lock()
	fault := s.stream
	if len(s.asked) > 0 {
		fault = nil
	}
	if r.Header.Get("Range") != "" {
		fault = s.fault
	}
	s.asked = append(s.asked, r.Header.Get("Range"))
	s.mu.Unlock()
	if fault == nil && s.share != nil {
		fault = s.serveShared
	}
	if fault == nil {
		fault = leiocitest.Drip(32<<10, slowPause)
	}
	fault(w, r, http.HandlerFunc(s.serveAtOnce))
}

// serveShared serves all requests together as slowly as one otherwise.
func (s *slowBlob) serveShared(w http.ResponseWriter, r *http.Request, registry http.Handler) {
	registry.ServeHTTP(sharedWriter{w, s.share}, r)
}

type sharedWriter struct {
	http.ResponseWriter
	share chan struct{}
}

func (s sharedWriter) Write(b []byte) (int, error) {
	s.share <- struct{}{}
	defer func() { <-s.share }()
	time.Sleep(slowPause)
	n, err := s.ResponseWriter.Write(b)
	_ = http.NewResponseController(s.ResponseWriter).Flush() // a client may hang up; the test will notice
	return n, err
}

func (s *slowBlob) serveAtOnce(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(s.content))
}

// heal ends the fault.
func (s *slowBlob) heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = nil
}

// requests returns the ranges that were asked for.
func (s *slowBlob) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// download downloads the blob, and returns how long that took.
func (s *slowBlob) download(ctx context.Context, t *testing.T, from *registry.Source, part registry.Partial) (int64, time.Duration, error) {
	t.Helper()
	begun := time.Now()
	_, d := slowContent()
	fetched, err := from.Download(ctx, d, part)
	return fetched, time.Since(begun), err
}
