package integration

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
)

// meter counts the requests, connections and unclosed bodies of a transport.
type meter struct {
	base             *http.Transport
	requests, bodies atomic.Int64

	mu           sync.Mutex
	dialed, open int
	allClosed    chan struct{} // closed while no connection is open
}

// newMeter returns a meter around the transport for r. It fails the test if a body is still open at
// the end.
func newMeter(t testing.TB, r *registry) *meter {
	t.Helper()
	m := &meter{base: r.transport(t), allClosed: make(chan struct{})}
	close(m.allClosed)
	dial := m.base.DialContext
	m.base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		m.opened()
		return &meteredConn{Conn: conn, closed: sync.OnceFunc(m.closed)}, nil
	}
	t.Cleanup(func() {
		if n := m.bodies.Load(); n != 0 {
			t.Errorf("%d bodies were left open", n)
		}
	})
	return m
}

func (m *meter) opened() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.open == 0 {
		m.allClosed = make(chan struct{})
	}
	m.dialed++
	m.open++
}

func (m *meter) closed() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.open--; m.open == 0 {
		close(m.allClosed)
	}
}

// connections returns how many connections were made, and a channel that is closed once none is
// open.
func (m *meter) connections() (dialed int, allClosed <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dialed, m.allClosed
}

// RoundTrip implements [http.RoundTripper].
func (m *meter) RoundTrip(req *http.Request) (*http.Response, error) {
	m.requests.Add(1)
	resp, err := m.base.RoundTrip(req)
	if err == nil {
		m.bodies.Add(1)
		resp.Body = &meteredBody{resp.Body, sync.OnceFunc(func() { m.bodies.Add(-1) })}
	}
	return resp, err
}

type meteredConn struct {
	net.Conn
	closed func()
}

func (c *meteredConn) Close() error {
	err := c.Conn.Close()
	c.closed()
	return err
}

type meteredBody struct {
	io.ReadCloser
	closed func()
}

func (b *meteredBody) Close() error {
	b.closed()
	return b.ReadCloser.Close()
}
