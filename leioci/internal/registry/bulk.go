package registry

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"time"
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
	servers      lru[string, *protocols] // by host
}

// protocols are what is known of those of a server.
type protocols struct {
	// noHTTP2: it speaks HTTP/1.1 with usual, too. Then the connections that are there will do.
	noHTTP2 atomic.Bool
	// http1: it has answered in HTTP/1.1. Until then, what fails in it may be a server that speaks
	// HTTP/2 only: not all refuse the handshake (RFC 7301, section 3.2), some hang up, and some
	// answer in HTTP/2.
	http1 atomic.Bool
	// doubted is until when usual is used, as something failed in it. What failed may have been the
	// network.
	doubted atomic.Pointer[time.Time]
}

// doubtTime is for how long a server that may not speak HTTP/1.1 is not tried with it.
const doubtTime = 10 * time.Minute

// doubt notes that the server may not speak HTTP/1.1.
func (p *protocols) doubt() {
	end := time.Now().Add(doubtTime)
	p.doubted.Store(&end)
}

func (p *protocols) isDoubted() bool {
	end := p.doubted.Load()
	return end != nil && time.Now().Before(*end)
}

// RoundTrip implements [http.RoundTripper].
func (b *bulk) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" {
		return b.usual.RoundTrip(req)
	}
	server := b.servers.get(req.URL.Host, func() *protocols { return &protocols{} })
	if !isLarge(req) || server.noHTTP2.Load() || server.isDoubted() {
		return b.roundTripUsual(req, server)
	}
	resp, err := b.http1.RoundTrip(req)
	if err == nil {
		server.http1.Store(true)
		return resp, nil
	}
	if server.http1.Load() || isDial(err) {
		return nil, err
	}
	server.doubt()
	again := againInHTTP2(req, err)
	if again == nil {
		return nil, err
	}
	return b.roundTripUsual(again, server)
}

func (b *bulk) roundTripUsual(req *http.Request, server *protocols) (*http.Response, error) {
	resp, err := b.usual.RoundTrip(req)
	if err == nil {
		server.noHTTP2.Store(resp.ProtoMajor == 1)
	}
	return resp, err
}

// isDial reports whether err is that of a server that cannot be reached, whatever it speaks.
func isDial(err error) bool {
	var failed *net.OpError
	return errors.As(err, &failed) && failed.Op == "dial"
}

// againInHTTP2 returns a request to send instead of one that failed with err in HTTP/1.1, or nil if
// there must be none: some of a body may have been taken.
func againInHTTP2(req *http.Request, err error) *http.Request {
	if req.Context().Err() != nil {
		return nil
	}
	if req.Body == nil || req.Body == http.NoBody {
		return req
	}
	if req.GetBody == nil || !refusesHTTP1(err) {
		return nil
	}
	again := req.WithContext(req.Context())
	if again.Body, err = req.GetBody(); err != nil {
		return nil
	}
	return again
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
