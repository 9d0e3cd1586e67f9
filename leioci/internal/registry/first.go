package registry

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/retry"
)

// A first is what the first request of a session came to, if that told nothing about the registry,
// or the first of several attempts to renew what the registry is shown. Whoever waited for it gets
// the same.
type first struct {
	failures atomic.Int64 // lets those who wait notice one

	// Guarded by authorized.renewing.
	resp  *http.Response // without a body; nil if there was none
	err   error
	after time.Duration // how long the server asked to wait
}

// failed keeps a failure of a request in ctx.
func (f *first) failed(ctx context.Context, resp *http.Response, err error) {
	f.resp, f.err, f.after = nil, err, retry.LastRetryAfter(ctx)
	if err == nil {
		bare := *resp
		bare.Body, bare.ContentLength = http.NoBody, 0
		f.resp = &bare
	}
	f.failures.Add(1)
}

// again returns the failure to somebody who waited, and is to wait as long before another try.
func (f *first) again(ctx context.Context) (*http.Response, error) {
	retry.SwapRetryAfter(ctx, f.after)
	if f.err != nil {
		return nil, f.err
	}
	bare := *f.resp
	bare.Header = f.resp.Header.Clone()
	return &bare, nil
}

// begin sends a request while nothing is known of what the registry requires. One request finds
// that out, and the others wait until it has a response: so there is one challenge to meet, one
// token to get and, where the registry is away, one request that fails.
//
// One that is sent ahead does not wait where there are no credentials to show: a registry that can be
// written to without any has no challenge.
func (a *authorized) begin(in *http.Request) (*http.Response, error) {
	if isAhead(in.Context()) && isAnonymous(a.with.auth) {
		if scheme := a.presumed(in.Context()); scheme != "" {
			return a.send(in, scheme, "")
		}
	}
	before := a.first.failures.Load()
	if a.renewing.Acquire(in.Context(), 1) != nil {
		closeBody(in)
		return nil, context.Cause(in.Context())
	}
	resp, err := a.beginAlone(in, before)
	if err != nil {
		closeBody(in)
		return nil, err
	}
	if resp == nil {
		return a.RoundTrip(in)
	}
	return resp, nil
}

// beginAlone is begin for the one that holds renewing, and releases it. Without a response and an
// error, the request is to be sent with what is known now.
func (a *authorized) beginAlone(in *http.Request, before int64) (*http.Response, error) {
	defer a.renewing.Release(1)
	switch {
	case a.current.Load() != nil:
		return nil, nil
	case a.first.failures.Load() != before:
		closeBody(in)
		return a.first.again(in.Context())
	}
	resp, err := a.introduce(in)
	away := err != nil || resp != nil && passing(resp)
	if away && in.Context().Err() == nil { // a context that ended concerns only its own caller
		a.first.failed(in.Context(), resp, err)
	}
	return resp, err
}

// introduce sends the request without credentials, and does what the response asks for. Many
// responses ask for nothing, and are the result.
func (a *authorized) introduce(in *http.Request) (*http.Response, error) {
	ctx := in.Context()
	if !a.mayIntroduce(in) {
		met, err := a.ask(ctx)
		if err == nil {
			a.learn(met)
		}
		return nil, err
	}
	resp, err := a.reach(in)
	if err != nil || passing(resp) {
		return resp, err
	}
	silent := &authorization{silent: true}
	met, err := a.react(ctx, silent, resp)
	header := ""
	if err == nil && met != nil {
		header, err = a.header(ctx, met)
	}
	switch {
	case err != nil:
		_ = resp.Body.Close() // it is not returned
		return nil, err
	case met == nil:
		a.learn(silent)
	default:
		a.learn(met)
	}
	if header == "" {
		return resp, nil // there is nothing else to show
	}
	_ = resp.Body.Close() // it is not returned
	return nil, nil
}

// mayIntroduce reports whether a request may be the first of a session. One with a body would send
// that in vain. One that changes something must not be sent over https and http at once.
func (a *authorized) mayIntroduce(in *http.Request) bool {
	return (in.Body == nil || in.Body == http.NoBody) && (isSafe(in) || a.recall(in.Context()) != nil)
}

// isSafe reports whether a request changes nothing.
func isSafe(in *http.Request) bool {
	return in.Method == http.MethodGet || in.Method == http.MethodHead
}

type aheadKey struct{}

// ahead returns a context for requests that are made before it is known whether they are needed, and
// may fail.
func ahead(ctx context.Context) context.Context { return context.WithValue(ctx, aheadKey{}, true) }

func isAhead(ctx context.Context) bool { return ctx.Value(aheadKey{}) != nil }
