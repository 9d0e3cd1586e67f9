package retry

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

// Transport supports retries, but does not retry anything itself. It marks connection errors as
// transient, including those from reading a response body, and records Retry-After for the [Run]
// that the request belongs to.
//
// It also lets a body be sent again: after a 401, go-containerregistry's bearer transport (v0.22.1,
// remote/transport/bearer.go) sends the same request a second time, with the body it has already
// sent.
type Transport struct{ Base http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (t Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil && req.GetBody != nil {
		var err error
		if req, err = rewindBody(req); err != nil {
			return nil, err
		}
	}
	resp, err := t.Base.RoundTrip(req)
	if err != nil {
		return nil, markRetryable(req.Context(), err)
	}
	if a, ok := req.Context().Value(attemptKey{}).(*attempt); ok {
		wait := time.Duration(0)
		if resp.StatusCode >= http.StatusBadRequest {
			wait = parseRetryAfter(resp.Header.Get("Retry-After"), time.Now())
		}
		a.retryAfter.Store(int64(wait))
	}
	resp.Body = &body{resp.Body, req.Context()}
	return resp, nil
}

// rewindBody returns req with a fresh body.
func rewindBody(req *http.Request) (*http.Request, error) {
	if err := req.Body.Close(); err != nil {
		return nil, err
	}
	fresh, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	rewound := req.WithContext(req.Context())
	rewound.Body = fresh
	return rewound, nil
}

// markRetryable marks err as transient unless the context has ended, or the error will be the same
// next time: the host does not exist, or the TLS handshake with it cannot succeed.
func markRetryable(ctx context.Context, err error) error {
	var dnsErr *net.DNSError
	var certErr *tls.CertificateVerificationError
	var recordErr tls.RecordHeaderError
	var opErr *net.OpError
	switch {
	case ctx.Err() != nil,
		errors.As(err, &dnsErr) && dnsErr.IsNotFound,
		errors.As(err, &certErr), errors.As(err, &recordErr),
		errors.As(err, &opErr) && opErr.Op == "remote error", // a TLS alert
		errors.Is(err, http.ErrSchemeMismatch):
		return err
	}
	return Retryable(err)
}

// body marks read errors as transient.
type body struct {
	io.ReadCloser
	ctx context.Context
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = markRetryable(b.ctx, err)
	}
	return n, err
}
