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

// A Network is a number of hosts in memory. It needs no port, and time in it can be that of a testing/synctest bubble,
// in which a test of half a minute's silence takes no time.
type Network struct {
	t     testing.TB
	mu    sync.Mutex
	hosts map[string]*listener
}

// NewNetwork returns a network without hosts. Those that [Network.Serve] adds stop when the test ends.
func NewNetwork(t testing.TB) *Network {
	t.Helper()
	return &Network{t: t, hosts: map[string]*listener{}}
}

// Serve adds a host that answers over plain HTTP, with faults on demand and a record of requests as [Serve] has them. Host
// names under .localhost are loopback's: clients speak http to them without being told.
func (n *Network) Serve(host string, handler http.Handler) *Registry {
	n.t.Helper()
	r := &Registry{host: host, handler: handler}
	l := &listener{host: host, conns: make(chan net.Conn), closed: make(chan struct{})}
	n.mu.Lock()
	n.hosts[host] = l
	n.mu.Unlock()
	var conns sync.WaitGroup
	server := &http.Server{Handler: r, ErrorLog: silent(), ConnState: func(_ net.Conn, state http.ConnState) {
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
		_ = server.Serve(l) // it returns when it is closed
	}()
	n.t.Cleanup(func() {
		_ = server.Close() // what it has open are the ends of pipes
		<-served
		conns.Wait() // net/http lingers where it has not read all of a body; a bubble would end before it
	})
	return r
}

// Refuse lets the next connections to host, as many as times says (or [Always]), fail as if nothing listened there.
// Connections that a client keeps are not affected.
func (n *Network) Refuse(host string, times int) {
	n.t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	l := n.hosts[host]
	if l == nil {
		n.t.Fatalf("the network has no host %s", host)
	}
	l.refuse = times
}

// Transport returns a transport that connects to the network's hosts and to no other. Its idle connections are closed
// when the test ends.
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
	_, _ = client.Close(), server.Close() // nobody has them
	return nil, &net.OpError{Op: "dial", Net: network, Err: err}
}

// listener returns who listens at addr, host:port; http's own port stands for a host without one.
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
		return nil, syscall.ECONNREFUSED // another port
	case l == nil:
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	case l.refuse != 0:
		l.refuse--
		return nil, syscall.ECONNREFUSED
	}
	return l, nil
}

// listener accepts the connections that dial makes.
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

// address is a host of a [Network].
type address string

func (a address) Network() string { return "memory" }
func (a address) String() string  { return string(a) }
