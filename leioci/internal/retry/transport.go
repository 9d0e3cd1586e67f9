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

// Transport does not repeat anything. It marks the errors of connections, those of reading an answer's body included,
// as passing, and notes what Retry-After says, for the [Run] that the request belongs to.
//
// It also lets a body be sent again: go-containerregistry's bearer transport (v0.22.1, remote/transport/bearer.go) sends
// a request a second time after a 401, with the body it has already sent.
type Transport struct{ Base http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (t Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil && req.GetBody != nil {
		var err error
		if req, err = rewound(req); err != nil {
			return nil, err
		}
	}
	resp, err := t.Base.RoundTrip(req)
	if err != nil {
		return nil, mark(req.Context(), err)
	}
	if a, ok := req.Context().Value(attemptKey{}).(*attempt); ok {
		after := time.Duration(0)
		if resp.StatusCode >= http.StatusBadRequest {
			after = retryAfter(resp.Header.Get("Retry-After"), time.Now())
		}
		a.after.Store(int64(after))
	}
	resp.Body = &body{resp.Body, req.Context()}
	return resp, nil
}

// rewound returns req with a body that nobody has read from.
func rewound(req *http.Request) (*http.Request, error) {
	if err := req.Body.Close(); err != nil {
		return nil, err
	}
	fresh, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	again := req.WithContext(req.Context())
	again.Body = fresh
	return again, nil
}

// mark marks err as passing unless the context has ended, or the error will be the same next time: a host that does not
// exist, or one that cannot agree with us on how to speak or on who it is.
func mark(ctx context.Context, err error) error {
	var unknown *net.DNSError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert *net.OpError
	switch {
	case ctx.Err() != nil,
		errors.As(err, &unknown) && unknown.IsNotFound,
		errors.As(err, &certificate), errors.As(err, &record), errors.As(err, &alert) && alert.Op == "remote error", // an alert of TLS
		errors.Is(err, http.ErrSchemeMismatch):
		return err
	}
	return Passing(err)
}

// body marks the errors of reading.
type body struct {
	io.ReadCloser
	ctx context.Context
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = mark(b.ctx, err)
	}
	return n, err
}
