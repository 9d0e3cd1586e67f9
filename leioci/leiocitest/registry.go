// Package leiocitest provides a registry for tests: go-containerregistry's in-memory one, on a loopback address,
// with faults on demand and a record of what it was asked; and snapshots to put into it.
//
//	func TestMyServiceSurvivesACorruptBlob(t *testing.T) {
//		reg := leiocitest.NewRegistry(t)
//		dir := leiocitest.WriteSnapshot(t, date, `{"data":{"repo":"https://example.org/a","risk":"low"}}`)
//		// ... push dir to reg.Host() + "/org/lei-cache" ...
//		fault := reg.On(http.MethodGet, "/blobs/", leiocitest.Always, leiocitest.Body(func(b []byte) []byte {
//			b[0] ^= 1
//			return b
//		}))
//		// ... let the service pull, and see that it keeps what it had ...
//		if fault.Hits() == 0 {
//			t.Error("the service did not pull")
//		}
//	}
//
// Faults are answers ([Status], [RetryAfter], [Redirect], [Location], [Cut], [Hang]) and bodies ([Truncate], [Stall],
// [Drip], [Corrupt], [Short], [Endless]); a [Fault] of one's own is a function. [BasicAuth] and a [TokenServer] put
// authentication in front of a registry. A [Network] has hosts of any name in memory, whose time can be that of a
// testing/synctest bubble, and connections that are refused.
//
// The in-memory registry is laxer than real ones: it accepts a manifest whose blobs are missing. What must hold against a
// real one is to be tested against a real one.
package leiocitest

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
)

// A Registry is a running registry. Its methods are safe for concurrent use.
type Registry struct {
	host    string
	handler http.Handler

	mu       sync.Mutex
	requests []string
	faults   []*Injection
}

// NewRegistry starts an empty registry on a loopback address. It stops when the test ends.
func NewRegistry(t testing.TB) *Registry {
	t.Helper()
	return Serve(t, NewHandler())
}

// NewHandler returns an empty in-memory registry, for [Serve] and [Network.Serve], or to be wrapped before.
func NewHandler() http.Handler { return registry.New(registry.Logger(silent())) }

func silent() *log.Logger { return log.New(io.Discard, "", 0) }

// Serve starts any handler the way [NewRegistry] does, with faults and the record of requests around it.
func Serve(t testing.TB, handler http.Handler) *Registry {
	t.Helper()
	r := &Registry{handler: handler}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.host = strings.TrimPrefix(server.URL, "http://")
	return r
}

// Host returns the registry's host:port, the first segment of its references.
func (r *Registry) Host() string { return r.host }

// Requests returns what was asked so far, each request as "METHOD path", the path with its query.
func (r *Registry) Requests() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.requests...)
}

// ServeHTTP records the request and answers it, by a fault if one applies.
func (r *Registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	r.requests = append(r.requests, req.Method+" "+req.URL.RequestURI())
	fault := r.due(req)
	r.mu.Unlock()
	if fault != nil {
		fault(w, req, r.handler)
		return
	}
	r.handler.ServeHTTP(w, req)
}
