package registry

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
)

// bulkBytes is the size from which on a body is large: as much as net/http takes in advance of its
// reader for each stream of HTTP/2.
const bulkBytes = 4 << 20

type bulkKey struct{}

// withLargeAnswer returns a context for requests whose response is large if size is, or unknown.
func withLargeAnswer(ctx context.Context, size int64) context.Context {
	if size >= 0 && size < bulkBytes {
		return ctx
	}
	return context.WithValue(ctx, bulkKey{}, true)
}

// bulk sends large bodies over https in connections of HTTP/1.1. In net/http's HTTP/2, one takes a
// seventh more time of the processor, and as much memory as its reader is late for, up to the
// window of the stream; and several share one connection. What is small stays with HTTP/2, if that
// is what the server prefers: it needs no further connections.
type bulk struct {
	usual, http1 http.RoundTripper
	// servers tells of hosts whether they speak HTTP/1.1 with usual, too. Then the connections that
	// are there will do.
	servers lru[string, *atomic.Bool]
}

// RoundTrip implements [http.RoundTripper].
func (b *bulk) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" {
		return b.usual.RoundTrip(req)
	}
	noHTTP2 := b.servers.get(req.URL.Host, func() *atomic.Bool { return &atomic.Bool{} })
	if isLarge(req) && !noHTTP2.Load() {
		resp, err := b.http1.RoundTrip(req)
		if !refusesHTTP1(err) {
			return resp, err
		}
		if req.Body != nil && req.Body != http.NoBody {
			if req.GetBody == nil {
				return nil, err
			}
			again := req.WithContext(req.Context())
			if again.Body, err = req.GetBody(); err != nil {
				return nil, err
			}
			req = again
		}
	}
	resp, err := b.usual.RoundTrip(req)
	if err == nil {
		noHTTP2.Store(resp.ProtoMajor == 1)
	}
	return resp, err
}

// isLarge reports whether the body of a request, or of its response, is large or may be.
func isLarge(req *http.Request) bool {
	sends := req.Body != nil && req.Body != http.NoBody
	answer, _ := req.Context().Value(bulkKey{}).(bool)
	return answer || sends && (req.ContentLength <= 0 || req.ContentLength >= bulkBytes)
}

// refusesHTTP1 reports whether err is that of a server that speaks HTTP/2 only (RFC 7301, section
// 3.2).
func refusesHTTP1(err error) bool {
	const noApplicationProtocol = tls.AlertError(120)
	var remote *net.OpError
	return errors.As(err, &remote) && remote.Op == "remote error" && remote.Err.Error() == noApplicationProtocol.Error()
}

// CloseIdleConnections closes the connections that are not in use.
func (b *bulk) CloseIdleConnections() {
	for _, rt := range []http.RoundTripper{b.usual, b.http1} {
		closeIdle(rt)
	}
}

func closeIdle(rt http.RoundTripper) {
	if t, ok := rt.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}
