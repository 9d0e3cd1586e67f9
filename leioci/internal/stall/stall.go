// Package stall ends requests on which nothing moves any more. There is no limit to how long a request may take, only
// to how long it may take without a byte: a slow transfer is never cut.
//
// net/http has limits for some of the phases of a request (ResponseHeaderTimeout, and http.Client's Timeout for the
// whole), but none between two bytes of a body.
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

// Transport fails a request with errdef.ErrStalled where nothing moves.
type Transport struct {
	Base http.RoundTripper
	// Timeout is how long a request may wait for a byte of its answer, or for the network to take one of its own.
	Timeout time.Duration
	// Answer is how long a registry may take to answer a PUT or PATCH that was sent whole: it checks the content, and may
	// copy it, before it answers.
	Answer time.Duration
}

// RoundTrip implements [http.RoundTripper].
func (t Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	sending := &progress{}
	sent := sending.track(req.WithContext(ctx))
	done := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		t.watch(sending, req.ContentLength, t.answerTime(req.Method), done, cancel)
	}()
	resp, err := t.Base.RoundTrip(sent)
	close(done)
	<-stopped
	if err != nil {
		err = because(ctx, err)
		cancel(nil)
		return nil, err
	}
	if resp.Body == nil {
		resp.Body = http.NoBody // a caller's transport may leave it out, and http.Client takes that
	}
	resp.Body = newBody(ctx, resp.Body, cancel, t.Timeout)
	return resp, nil
}

// answerTime is how long the answer to a request may take after it was sent.
func (t Transport) answerTime(method string) time.Duration {
	if method == http.MethodPut || method == http.MethodPatch {
		return t.Answer
	}
	return t.Timeout
}

// looks is how often the progress is looked at within a timeout. So a stall is noticed at most a tenth late.
const looks = 10

// watch cancels the request when nothing was sent for the timeout, or all was and no answer comes.
func (t Transport) watch(sending *progress, size int64, answer time.Duration, done <-chan struct{}, cancel context.CancelCauseFunc) {
	tick := time.NewTicker(max(min(t.Timeout, answer)/looks, time.Millisecond))
	defer tick.Stop()
	moved, last := sending.bytes(), time.Now()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		now := sending.bytes()
		if now != moved {
			moved, last = now, time.Now()
			continue
		}
		limit, phase := t.Timeout, "no byte was taken"
		if moved >= size {
			limit, phase = answer, "no answer came"
		}
		if time.Since(last) >= limit {
			cancel(fmt.Errorf("%w: %s for %v", errdef.ErrStalled, phase, limit))
			return
		}
	}
}

// because returns the stall that ended the context, if one did, in place of what was made of it on the way.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, errdef.ErrStalled) {
		return cause
	}
	return err
}

// body is an answer's body whose reads have a time limit each. Time that its reader takes between two reads does not
// count.
type body struct {
	io.ReadCloser
	ctx     context.Context
	cancel  context.CancelCauseFunc
	timer   *time.Timer
	timeout time.Duration
}

func newBody(ctx context.Context, rc io.ReadCloser, cancel context.CancelCauseFunc, timeout time.Duration) *body {
	timer := time.AfterFunc(timeout, func() {
		cancel(fmt.Errorf("%w: no byte came for %v", errdef.ErrStalled, timeout))
	})
	timer.Stop()
	return &body{ReadCloser: rc, ctx: ctx, cancel: cancel, timer: timer, timeout: timeout}
}

func (b *body) Read(p []byte) (int, error) {
	b.timer.Reset(b.timeout)
	n, err := b.ReadCloser.Read(p)
	b.timer.Stop()
	if err != nil && err != io.EOF {
		err = because(b.ctx, err)
	}
	return n, err
}

func (b *body) Close() error {
	b.timer.Stop()
	err := b.ReadCloser.Close()
	b.cancel(nil)
	return err
}
