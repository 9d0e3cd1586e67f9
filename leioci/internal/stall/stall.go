// Package stall ends requests on which nothing moves any more. There is no limit to how long a
// request may take, only to how long it may take without a byte: a slow transfer is never cut.
//
// net/http has limits for some of the phases of a request (ResponseHeaderTimeout, and http.Client's
// Timeout for the whole), but none between two bytes of a body.
package stall

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	upload := &progress{}
	sent := upload.track(req.WithContext(ctx))
	done := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		t.watch(upload, t.responseTimeout(req.Method), done, cancel)
	}()
	resp, err := t.Base.RoundTrip(sent)
	close(done)
	<-stopped
	if err != nil {
		err = stallOr(ctx, err)
		cancel(nil)
		return nil, err
	}
	if resp.Body == nil {
		resp.Body = http.NoBody // a caller's transport may leave it nil, as http.Client allows
	}
	resp.Body = newBody(ctx, resp.Body, cancel, t.Timeout)
	return resp, nil
}

// responseTimeout is how long the response may take after the request was sent.
func (t Transport) responseTimeout(method string) time.Duration {
	if method == http.MethodPut || method == http.MethodPatch {
		return t.Answer
	}
	return t.Timeout
}

// checksPerTimeout is how often progress is checked within a timeout. So a stall is noticed at most
// a tenth of the timeout late.
const checksPerTimeout = 10

// watch cancels the request if the network accepts nothing for the timeout, or if all was sent and
// no response comes.
func (t Transport) watch(
	upload *progress, responseTimeout time.Duration, done <-chan struct{}, cancel context.CancelCauseFunc,
) {
	tick := time.NewTicker(max(min(t.Timeout, responseTimeout)/checksPerTimeout, time.Millisecond))
	defer tick.Stop()
	sent, lastProgress := upload.bytes(), time.Now()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		now := upload.bytes()
		if now != sent {
			sent, lastProgress = now, time.Now()
			continue
		}
		limit, phase := t.Timeout, "no data accepted"
		if upload.sent() {
			limit, phase = responseTimeout, "no response"
		}
		if time.Since(lastProgress) >= limit {
			cancel(fmt.Errorf("%w: %s for %v", errdef.ErrStalled, phase, limit))
			return
		}
	}
}

// stallOr returns the stall if one ended the context, and err otherwise. net/http may have wrapped
// or replaced the stall.
func stallOr(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, errdef.ErrStalled) {
		return cause
	}
	return err
}

// body is a response body whose reads are each limited in time. The time that its reader takes
// between two reads does not count.
type body struct {
	io.ReadCloser
	ctx     context.Context
	cancel  context.CancelCauseFunc
	timer   *time.Timer
	timeout time.Duration
}

func newBody(ctx context.Context, rc io.ReadCloser, cancel context.CancelCauseFunc, timeout time.Duration) *body {
	timer := time.AfterFunc(timeout, func() {
		cancel(fmt.Errorf("%w: no data received for %v", errdef.ErrStalled, timeout))
	})
	timer.Stop()
	return &body{ReadCloser: rc, ctx: ctx, cancel: cancel, timer: timer, timeout: timeout}
}

func (b *body) Read(p []byte) (int, error) {
	b.timer.Reset(b.timeout)
	n, err := b.ReadCloser.Read(p)
	b.timer.Stop()
	if err != nil && err != io.EOF {
		err = stallOr(b.ctx, err)
	}
	return n, err
}

func (b *body) Close() error {
	b.timer.Stop()
	err := b.ReadCloser.Close()
	b.cancel(nil)
	return err
}
