package leiocitest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// A Network is a set of hosts in memory. It uses no ports, and it works in a testing/synctest
// bubble, where a test of half a minute of silence takes no time.
type Network struct {
	t     testing.TB
	mu    sync.Mutex
	hosts map[string]*listener
}

// NewNetwork returns a network without hosts. [Network.Serve] adds hosts, which stop when the test
// ends.
func NewNetwork(t testing.TB) *Network {
	t.Helper()
	return &Network{t: t, hosts: map[string]*listener{}}
}

// Serve adds a host that answers over plain HTTP, with faults on demand and a record of requests,
// as [Serve] does. Clients treat host names under .localhost as loopback, and use http for them
// without further configuration.
func (n *Network) Serve(host string, handler http.Handler) *Registry {
	n.t.Helper()
	r := &Registry{host: host, handler: handler}
	l := &listener{host: host, conns: make(chan net.Conn), closed: make(chan struct{})}
	n.mu.Lock()
	n.hosts[host] = l
	n.mu.Unlock()
	var conns sync.WaitGroup
	server := &http.Server{Handler: r, ErrorLog: discardLogger(), ConnState: func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			conns.Add(1)
		case http.StateClosed, http.StateHijacked:
			conns.Done()
		}
	}}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(l) // returns when the server is closed
	}()
	n.t.Cleanup(func() {
		_ = server.Close() // it has only pipes open
		<-served
		conns.Wait() // net/http lingers if a body was not read to the end; a bubble must not end before
	})
	return r
}

// Refuse makes the next connections to host fail as if nothing listened there. times says how many,
// or [Always]. Connections that a client keeps open are not affected.
func (n *Network) Refuse(host string, times int) {
	n.t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	l := n.hosts[host]
	if l == nil {
		n.t.Fatalf("no host %s in this network", host)
	}
	l.refuse = times
}

// Transport returns a transport that connects only to the network's hosts. Its idle connections are
// closed when the test ends.
func (n *Network) Transport() *http.Transport {
	n.t.Helper()
	t := &http.Transport{DialContext: n.dial}
	n.t.Cleanup(t.CloseIdleConnections)
	return t
}

func (n *Network) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	l, err := n.listener(addr)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.closed:
		err = syscall.ECONNREFUSED
	case <-ctx.Done():
		err = ctx.Err()
	}
	_, _ = client.Close(), server.Close() // nobody uses them
	return nil, &net.OpError{Op: "dial", Net: network, Err: err}
}

// listener returns the listener at addr, which is host:port. A host added without a port listens on
// port 80.
func (n *Network) listener(addr string) (*listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	host, port, _ := strings.Cut(addr, ":")
	l := n.hosts[addr]
	if l == nil && port == "80" {
		l = n.hosts[host]
	}
	switch {
	case l == nil && n.hosts[host] != nil:
		return nil, syscall.ECONNREFUSED // the host exists, but not on this port
	case l == nil:
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	case l.refuse != 0:
		l.refuse--
		return nil, syscall.ECONNREFUSED
	}
	return l, nil
}

// listener accepts the connections made by dial.
type listener struct {
	host   string
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
	refuse int
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, errors.New("closed")
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *listener) Addr() net.Addr { return address(l.host) }

// address is the address of a host in a [Network].
type address string

func (a address) Network() string { return "memory" }
func (a address) String() string  { return string(a) }
