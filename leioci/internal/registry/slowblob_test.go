package registry_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
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

// An exchanges is a transport that counts the exchanges that a client has open at once, from a request
// to the end of the response. A registry cannot tell: its handlers notice later than the client that
// one is over.
type exchanges struct {
	http.RoundTripper
	mu        sync.Mutex
	now, most int
}

func (w *world) exchanges() *exchanges { return &exchanges{RoundTripper: w.network.Transport()} }

// of lets a client use the transport.
func (e *exchanges) of(c *registry.Config) { c.Transport = e }

func (e *exchanges) RoundTrip(req *http.Request) (*http.Response, error) {
	e.add(1)
	resp, err := e.RoundTripper.RoundTrip(req)
	if err != nil {
		e.add(-1)
		return nil, err
	}
	resp.Body = &exchange{resp.Body, sync.OnceFunc(func() { e.add(-1) })}
	return resp, nil
}

func (e *exchanges) add(n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.now += n
	e.most = max(e.most, e.now)
}

// atOnce returns how many there were at most.
func (e *exchanges) atOnce() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.most
}

// An exchange is the body of its response.
type exchange struct {
	io.ReadCloser
	over func()
}

func (e *exchange) Close() error {
	defer e.over()
	return e.ReadCloser.Close()
}

// download downloads the blob, and returns how long that took.
func (s *slowBlob) download(ctx context.Context, t *testing.T, from *registry.Source, part registry.Partial) (int64, time.Duration, error) {
	t.Helper()
	begun := time.Now()
	_, d := slowContent()
	fetched, err := from.Download(ctx, d, part)
	return fetched, time.Since(begun), err
}

var errDiskFull = errors.New("disk full")

// A divisible is a partial file in memory that has pieces beside it.
type divisible struct {
	partial
	mu     sync.Mutex
	pieces map[int64]*memoryPiece
	full   func(beside bool) bool // reports whether there is no room to write; may be nil
}

func (d *divisible) Write(b []byte) (int, error) {
	if d.isFull(false) {
		return 0, errDiskFull
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.partial.Write(b)
}

func (d *divisible) isFull(beside bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.full != nil && d.full(beside)
}

func (d *divisible) Reset() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pieces = nil
	return d.partial.Reset()
}

// size is how much is in the file and its pieces.
func (d *divisible) size() int {
	size := len(d.before) + d.now.Len()
	for _, p := range d.pieces {
		size += len(p.content)
	}
	return size
}

// reopen makes what the file holds that from before.
func (d *divisible) reopen() {
	d.before = d.holds()
	d.now = bytes.Buffer{}
}

func (d *divisible) Pieces() []int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(maps.Keys(d.pieces))
}

func (d *divisible) Beside(offset int64) (registry.Piece, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pieces[offset] == nil {
		if d.pieces == nil {
			d.pieces = map[int64]*memoryPiece{}
		}
		d.pieces[offset] = &memoryPiece{of: d, offset: offset}
	}
	p := d.pieces[offset]
	p.size, p.open = len(p.content), true
	return p, nil
}

// left says what is wrong with the pieces after a download: those that are open, and with none those
// that are there.
func (d *divisible) left(none bool) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.pieces {
		if p.open {
			return "a piece is open"
		}
	}
	if none && len(d.pieces) > 0 {
		return "there are pieces left"
	}
	return ""
}

type memoryPiece struct {
	of      *divisible
	offset  int64
	content []byte
	size    int
	open    bool
}

func (p *memoryPiece) Size() int64 { return int64(p.size) }

func (p *memoryPiece) ReadAt(b []byte, offset int64) (int, error) {
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	return bytes.NewReader(p.content).ReadAt(b, offset)
}

func (p *memoryPiece) Write(b []byte) (int, error) {
	if p.of.isFull(true) {
		return 0, errDiskFull
	}
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	p.content = append(p.content, b...)
	return len(b), nil
}

func (p *memoryPiece) Close() error {
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	p.open = false
	if len(p.content) == 0 {
		delete(p.of.pieces, p.offset)
	}
	return nil
}

func (p *memoryPiece) Remove() error {
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	p.open = false
	delete(p.of.pieces, p.offset)
	return nil
}
