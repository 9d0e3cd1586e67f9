// Package stall ends requests on which nothing moves any more. There is no limit to how long a
// request may take, only to how long it may take without a byte: a slow transfer is never cut.
//
// net/http has limits for some of the phases of a request (ResponseHeaderTimeout, and http.Client's
// Timeout for the whole), but none between two bytes of a body.
package stall

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// Transport fails a request with errdef.ErrStalled if no byte moves for too long.
type Transport struct {
	Base http.RoundTripper
	// Timeout is how long a request may wait for a byte of its response, or for the network to
	// accept one of its own.
	Timeout time.Duration
	// Answer is how long a registry may take to respond to a PUT or PATCH after all of it was sent.
	// Before it responds, the registry checks the content, and may copy it.
	Answer time.Duration
}

// RoundTrip implements [http.RoundTripper].
func (t Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	w := &watch{ctx: ctx, cancel: cancel, timeout: t.Timeout, answer: t.responseTimeout(req.Method)}
	sent := w.upload.track(req.WithContext(ctx))
	w.start()
	resp, err := t.Base.RoundTrip(sent)
	w.answered()
	if err != nil {
		err = stallOr(ctx, err)
		cancel(nil)
		return nil, err
	}
	if resp.Body == nil {
		resp.Body = http.NoBody // a caller's transport may leave it nil, as http.Client allows
	}
	w.body, resp.Body = resp.Body, w
	return resp, nil
}

// responseTimeout is how long the response may take after the request was sent.
func (t Transport) responseTimeout(method string) time.Duration {
	if method == http.MethodPut || method == http.MethodPatch {
		return t.Answer
	}
	return t.Timeout
}

// stallOr returns the stall if one ended the context, and err otherwise. net/http may have wrapped
// or replaced the stall.
func stallOr(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, errdef.ErrStalled) {
		return cause
	}
	return err
}
