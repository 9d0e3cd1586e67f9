// Package leiocitest provides a registry for testing code that uses leioci, and snapshots to push
// to it. The registry is go-containerregistry's in-memory one, on a loopback address, with faults
// on demand and a record of requests.
//
//	func TestMyServiceSurvivesACorruptBlob(t *testing.T) {
//		reg := leiocitest.NewRegistry(t)
//		dir := leiocitest.WriteSnapshot(t, date,
//			`{"data":{"repo":"https://example.org/a","risk":"low"}}`)
//		// ... push dir to reg.Host() + "/org/lei-cache" ...
//		corrupt := leiocitest.Body(func(b []byte) []byte {
//			b[0] ^= 1
//			return b
//		})
//		fault := reg.On(http.MethodGet, "/blobs/", leiocitest.Always, corrupt)
//		// ... let the service pull, and check that it keeps its snapshot ...
//		if fault.Hits() == 0 {
//			t.Error("the service did not pull")
//		}
//	}
//
// Some faults replace the whole response ([Status], [RetryAfter], [Redirect], [Location], [Cut],
// [Hang]), others only its body ([Truncate], [Stall], [Drip], [Corrupt], [Short], [Endless]). To
// write your own, implement the function type [Fault]. [BasicAuth] and [TokenServer] put
// authentication in front of a registry. A [Network] has hosts with arbitrary names in memory. It
// works in a testing/synctest bubble, and can refuse connections.
//
// The in-memory registry is laxer than real ones: it accepts a manifest whose blobs are missing.
// Test what must hold with a real registry against a real registry.
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

// NewHandler returns an empty in-memory registry for [Serve] and [Network.Serve], possibly wrapped
// first.
func NewHandler() http.Handler { return registry.New(registry.Logger(discardLogger())) }

func discardLogger() *log.Logger { return log.New(io.Discard, "", 0) }

// Serve starts any handler as [NewRegistry] starts its registry, with faults and a record of
// requests.
func Serve(t testing.TB, handler http.Handler) *Registry {
	t.Helper()
	r := &Registry{handler: handler}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.host = strings.TrimPrefix(server.URL, "http://")
	return r
}

// Host returns the registry's host:port, the first segment of references to it.
func (r *Registry) Host() string { return r.host }

// Requests returns the requests so far, each as "METHOD path", where path includes the query.
func (r *Registry) Requests() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.requests...)
}

// ServeHTTP records the request, and answers it with a fault if one applies.
func (r *Registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	r.requests = append(r.requests, req.Method+" "+req.URL.RequestURI())
	fault := r.nextFault(req)
	r.mu.Unlock()
	if fault != nil {
		fault(w, req, r.handler)
		return
	}
	r.handler.ServeHTTP(w, req)
}
