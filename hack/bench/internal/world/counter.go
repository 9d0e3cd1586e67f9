//go:build unix

package world

import (
	"context"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"
)

// Counter is a reverse proxy in front of a registry that records every request.
type Counter struct {
	Host   string // localhost:port
	server *http.Server
	tokens *tokens // nil without authentication

	mu       sync.Mutex
	requests []string
}

// StartCounter starts a proxy in front of the registry at upstream. With authentication, it wants
// tokens, which its own token server gives to [User]; requests for tokens are recorded, too.
func StartCounter(ctx context.Context, upstream string, authentication bool) (*Counter, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return nil, err
	}
	// Some clients refuse a token server at a private address unless it has the registry's name.
	c := &Counter{Host: net.JoinHostPort("localhost", port)}
	if authentication {
		c.tokens = newTokens("http://" + c.Host + "/token")
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: upstream})
		r.Out.Host = r.In.Host // for the registry's Location headers
		r.Out.Header.Del("Authorization")
	}}
	c.server = &http.Server{Handler: c.handler(proxy), ReadHeaderTimeout: time.Minute}
	go func() { _ = c.server.Serve(l) }() // ends with Stop
	return c, nil
}

// handler records a request, and passes it on if it is authorized.
func (c *Counter) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.requests = append(c.requests, r.Method+" "+r.URL.RequestURI())
		c.mu.Unlock()
		switch {
		case c.tokens == nil:
			next.ServeHTTP(w, r)
		case r.URL.Path == "/token":
			c.tokens.grant(w, r)
		case c.tokens.allow(w, r):
			next.ServeHTTP(w, r)
		}
	})
}

// Requests returns the requests since the last call.
func (c *Counter) Requests() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	requests := c.requests
	c.requests = nil
	return requests
}

// Stop ends the proxy and its connections.
func (c *Counter) Stop() { _ = c.server.Close() } // its clients have ended
