// Package limit bounds how much a registry can make a client read.
package limit

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

type limitKey struct{}

// Answer returns a context that replaces the [Transport]'s own limit for its requests, redirected
// ones included. Reading a successful response with a body of more than most bytes fails with
// errdef.ErrTooLarge.
func Answer(ctx context.Context, most int64) context.Context {
	return context.WithValue(ctx, limitKey{}, most)
}

// Transport limits the bodies of responses for libraries that have no limits of their own, or too
// high ones. That of a request which only asks how to authenticate, and those of errors and
// redirects, are cut short; see [errorBody]. That of a token server is bounded in time.
type Transport struct {
	Base http.RoundTripper
	// Most is the maximum length of a successful response in bytes, unless the context of its
	// request sets another.
	Most int64
	// Sent is where the transport remembers credentials. Without it, only those that a request
	// carries are removed from its error.
	Sent *Sent
	// Proxy returns the proxy that Base uses for a request, or nil ([http.Transport.Proxy]). Its
	// credentials are remembered, too. Leave it out if that is unknown.
	Proxy func(*http.Request) (*url.URL, error)
}

// RoundTrip implements [http.RoundTripper].
func (t Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	t.Sent.add(credentials(req))
	t.Sent.add(t.proxyCredentials(req))
	resp, err := t.Base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	// net/http reads some of the body of a redirect, too, before it follows it.
	if resp.StatusCode >= http.StatusMultipleChoices || isPing(req) {
		resp.Body = errorBody(req, resp.Body, t.Sent.all())
		return resp, nil
	}
	if isTokenRequest(req) {
		resp.Body = newTimed(resp.Body, maxTokenTime)
	}
	most, ok := req.Context().Value(limitKey{}).(int64)
	if !ok {
		most = t.Most
	}
	resp.Body = &body{ReadCloser: resp.Body, remaining: most, most: most}
	return resp, nil
}

// body fails once more than the limit was read. It asks for one byte more than allowed, to tell a
// body that reaches the limit from one that exceeds it.
type body struct {
	io.ReadCloser
	remaining, most int64
}

func (b *body) Read(p []byte) (int, error) {
	if b.remaining >= 0 && int64(len(p))-1 > b.remaining {
		p = p[:b.remaining+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.remaining -= int64(n); b.remaining < 0 {
		_ = b.Close() // the rest is not needed
		return 0, fmt.Errorf("%w: response exceeds %d bytes", errdef.ErrTooLarge, b.most)
	}
	return n, err
}
