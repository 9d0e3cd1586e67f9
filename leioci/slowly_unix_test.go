//go:build unix

package leioci_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	answerPause = 3 * time.Millisecond   // before every response
	bytePause   = 200 * time.Microsecond // after every piece of a blob
	piece       = 16 << 10
)

// A slowly is a registry behind a slow link. It serves one child and reports how far the child has
// come.
type slowly struct {
	*httptest.Server
	registry http.Handler
	large    string // the digest of the blob whose bytes are counted

	mu       sync.Mutex
	at       moment
	reached  chan struct{} // closed once that many requests have arrived and bytes were sent
	requests int
	served   int64 // bytes of the large blob
	first    time.Time
	last     time.Time // the last byte
}

// A moment defines when a child is killed.
type moment struct {
	requests int           // this many requests have arrived
	served   int64         // this many bytes of the large blob were sent
	hold     bool          // only one piece of the large blob is sent
	seen     func() bool   // a condition on the disk holds; nil for none
	later    time.Duration // and this much time has passed since
}

func newSlowly(registry http.Handler, large string, at moment) *slowly {
	s := &slowly{registry: registry, large: large, at: at, reached: make(chan struct{})}
	s.Server = httptest.NewServer(s)
	return s
}

// ServeHTTP responds like the registry, slowly.
func (s *slowly) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.count(func() {
		s.requests++
		if s.requests == 1 {
			s.first = time.Now()
		}
	})
	time.Sleep(answerPause)
	if strings.HasSuffix(r.URL.Path, s.large) {
		w = &slowWriter{w, r, s}
	}
	s.registry.ServeHTTP(w, r)
}

func (s *slowly) count(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.isReached()
	change()
	if !was && s.isReached() {
		close(s.reached)
	}
}

func (s *slowly) isReached() bool { return s.requests >= s.at.requests && s.served >= s.at.served }

// slowWriter sends a response piece by piece.
type slowWriter struct {
	http.ResponseWriter
	r *http.Request
	s *slowly
}

func (w *slowWriter) Write(p []byte) (int, error) {
	written := 0
	for written < len(p) {
		n, err := w.ResponseWriter.Write(p[written:min(written+piece, len(p))])
		if written += n; err != nil {
			return written, err
		}
		if err := http.NewResponseController(w.ResponseWriter).Flush(); err != nil {
			return written, err // the child has gone
		}
		w.s.count(func() {
			w.s.served += int64(n)
			w.s.last = time.Now()
		})
		if w.s.at.hold && written == piece {
			<-w.r.Context().Done()
			return written, w.r.Context().Err()
		}
		time.Sleep(bytePause)
	}
	return written, nil
}

// patience is how long a test waits for something that should happen at once, and may take a while
// on a machine with a lot to do.
const patience = 5 * time.Minute

// await waits for the moment.
func (s *slowly) await(t testing.TB, r *running) {
	t.Helper()
	select {
	case <-s.reached:
	case err := <-r.pulled:
		select {
		case <-s.reached: // bytes are counted when they were sent, and the child may be faster
		case <-time.After(patience):
			t.Fatalf("the child came to its end too soon: %v", err)
		}
	case <-time.After(patience):
		t.Fatal("the child asks for nothing")
	}
	begun := time.Now()
	for s.at.seen != nil && !s.at.seen() {
		if time.Since(begun) > patience {
			t.Fatal("the child changes nothing")
		}
	}
	if s.at.later > time.Millisecond {
		time.Sleep(s.at.later)
		return
	}
	for begun := time.Now(); time.Since(begun) < s.at.later; {
		runtime.Gosched() // a sleep would take too long
	}
}

// inode identifies a file.
func inode(t testing.TB, path string) os.FileInfo {
	t.Helper()
	info, err := os.Stat(path)
	must(t, err)
	return info
}
