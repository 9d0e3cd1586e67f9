package registry

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync/atomic"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
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
	servers      lru[string, *protocols]
}

// protocols is what a bulk knows of a server.
type protocols struct {
	// noHTTP2: it speaks HTTP/1.1 with usual, too. Then the connections that are there will do.
	noHTTP2 atomic.Bool
	// http1: it has answered over HTTP/1.1. noHTTP1: it has not, but should have. Not every server
	// that speaks HTTP/2 only says so in the handshake; some close the connection, or are silent.
	http1, noHTTP1 atomic.Bool
}

// RoundTrip implements [http.RoundTripper].
func (b *bulk) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" {
		return b.usual.RoundTrip(req)
	}
	server := b.servers.get(req.URL.Host, func() *protocols { return &protocols{} })
	if isLarge(req) && !server.noHTTP2.Load() && !server.noHTTP1.Load() {
		resp, err := b.http1.RoundTrip(req)
		if !server.refusesHTTP1(req, resp, err) {
			return resp, err
		}
		again := reopened(req)
		if again == nil {
			return resp, err
		}
		if err == nil {
			_ = resp.Body.Close() // it is about the protocol
		}
		req = again
	}
	resp, err := b.usual.RoundTrip(req)
	if err == nil {
		server.noHTTP2.Store(resp.ProtoMajor == 1)
	} else {
		server.noHTTP1.Store(false) // it may have been away
	}
	return resp, err
}

// refusesHTTP1 learns from what a request over HTTP/1.1 came to, and reports whether to send it
// once more, with HTTP/2. After errors that may have another reason, a request with a body is not:
// some of it may have been taken, so that is up to the next try.
func (p *protocols) refusesHTTP1(req *http.Request, resp *http.Response, err error) bool {
	ctx := req.Context()
	switch {
	case err == nil && resp.StatusCode != http.StatusUpgradeRequired && resp.StatusCode != http.StatusHTTPVersionNotSupported:
		p.http1.Store(true)
		return false
	case err == nil, refusesProtocol(err):
		p.noHTTP1.Store(true)
		return true
	case !p.http1.Load() && !isDialing(err) && (ctx.Err() == nil || errors.Is(context.Cause(ctx), errdef.ErrStalled)):
		p.noHTTP1.Store(true)
		return ctx.Err() == nil && (req.Body == nil || req.Body == http.NoBody)
	}
	return false
}

// isDialing reports whether err is that of a connection that was not made.
func isDialing(err error) bool {
	var failed *net.OpError
	return errors.As(err, &failed) && failed.Op == "dial"
}

// reopened returns a request to be sent again, or nil if its body cannot be opened.
func reopened(req *http.Request) *http.Request {
	if req.Body == nil || req.Body == http.NoBody {
		return req
	}
	if req.GetBody == nil {
		return nil
	}
	body, err := req.GetBody()
	if err != nil {
		return nil
	}
	again := req.WithContext(req.Context())
	again.Body = body
	return again
}

// isLarge reports whether the body of a request, or of its response, is large or may be.
func isLarge(req *http.Request) bool {
	sends := req.Body != nil && req.Body != http.NoBody
	answer, _ := req.Context().Value(bulkKey{}).(bool)
	return answer || sends && (req.ContentLength <= 0 || req.ContentLength >= bulkBytes)
}

// refusesProtocol reports whether err is that of a server that speaks HTTP/2 only (RFC 7301, section
// 3.2).
func refusesProtocol(err error) bool {
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
