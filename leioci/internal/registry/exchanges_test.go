package registry_test

import (
	"io"
	"net/http"
	"sync"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
)

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
