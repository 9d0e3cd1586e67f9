// Package retry repeats operations that failed for a transient reason: a broken connection, or a
// registry that is restarting or limits the rate of requests.
//
// There is one loop around a whole operation, not one around each request: an upload needs a new
// session, a download a fresh signed URL, and both may need a fresh token. [Transport], below the
// operation, tells the loop what it cannot know otherwise: whether an error came from the
// connection, and what Retry-After said.
package retry

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// A Policy says how often an operation is tried, and how long to wait in between: a random time
// between zero and an upper bound, so that many clients do not come back at once ("full jitter").
// The bound starts at MinDelay and doubles with each failure, up to MaxDelay. A Retry-After from
// the registry is added to the delay; if it exceeds MaxRetryAfter, the operation fails instead.
type Policy struct {
	Attempts           int
	MinDelay, MaxDelay time.Duration
	MaxRetryAfter      time.Duration
}

// Do calls try until it succeeds, fails for good, or was called Attempts times, and returns its
// last error. Pass the context that try gets to its requests. Before each wait, Do calls notify
// with the reason and the duration. Waiting ends with ctx.
func (p Policy) Do(ctx context.Context, try func(context.Context) error, notify Notify) error {
	run := p.Run(notify)
	for {
		err := try(run.Context(ctx))
		if err == nil {
			return nil
		}
		if err := run.Wait(ctx, err); err != nil {
			return err
		}
	}
}

// Notify is called with the failure before the operation is tried again.
type Notify func(err error, wait time.Duration)

// A Run is one operation in progress. It is not safe for concurrent use.
type Run struct {
	policy   Policy
	notify   Notify
	failures int // since the last progress
	current  *attempt
}

// Run starts an operation whose caller runs the loop: it calls [Run.Context] before each try, and
// [Run.Wait] after each failure.
func (p Policy) Run(notify Notify) *Run { return &Run{policy: p, notify: notify} }

// attempt is one try, and the context of its requests.
type attempt struct {
	context.Context     //nolint:containedctx // it is one
	number          int // from 1
	// retryAfter is the Retry-After of the last response, in nanoseconds. It is atomic because
	// requests of one try may run concurrently: go-containerregistry checks over https and http at
	// the same time, and does not wait for the slower request.
	retryAfter atomic.Int64
}

type attemptKey struct{}

// Value implements [context.Context].
func (a *attempt) Value(key any) any {
	if key == (attemptKey{}) {
		return a
	}
	return a.Context.Value(key)
}

// Number returns the number of the try that ctx belongs to, starting at 1.
func Number(ctx context.Context) int {
	if a, ok := ctx.Value(attemptKey{}).(*attempt); ok {
		return a.number
	}
	return 1
}

// SwapRetryAfter sets how long the next try must wait at least, and returns the last response's
// Retry-After. It is for a try that continues with another server, to which that does not apply.
func SwapRetryAfter(ctx context.Context, wait time.Duration) (asked time.Duration) {
	if a, ok := ctx.Value(attemptKey{}).(*attempt); ok {
		return time.Duration(a.retryAfter.Swap(int64(wait)))
	}
	return 0
}

// LastRetryAfter returns the last response's Retry-After, for somebody else to whom it applies, too.
func LastRetryAfter(ctx context.Context) time.Duration {
	if a, ok := ctx.Value(attemptKey{}).(*attempt); ok {
		return time.Duration(a.retryAfter.Load())
	}
	return 0
}

// Context returns the context for the requests of the next try.
func (r *Run) Context(ctx context.Context) context.Context {
	r.current = &attempt{Context: ctx, number: r.failures + 1}
	return r.current
}

// Progress says that the operation has advanced, and resets the count of failures.
func (r *Run) Progress() { r.failures = 0 }

// Wait waits until the operation that failed with err may be tried again, and returns nil. If it
// must not be tried again, Wait returns the error to give up with: err, possibly with the number of
// tries, or with [Limited] noted on it. If ctx ends during the wait, it returns the cause together
// with err.
func (r *Run) Wait(ctx context.Context, err error) error {
	r.failures++
	if ctx.Err() != nil || !IsRetryable(err) {
		return err
	}
	after := time.Duration(r.current.retryAfter.Load())
	if after > r.policy.MaxRetryAfter || (r.failures >= r.policy.Attempts && rateLimited(err)) {
		return errdef.WithNote(err, Limited{After: after})
	}
	if r.failures >= r.policy.Attempts {
		if r.failures > 1 {
			return fmt.Errorf("%w (tried %d times)", err, r.failures)
		}
		return err
	}
	wait := after + min(r.delay(), math.MaxInt64-after)
	r.notify(err, wait)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w while waiting to retry after: %w", context.Cause(ctx), err)
	}
}

// delay returns a random duration whose upper bound grows with each failure.
func (r *Run) delay() time.Duration {
	most := min(r.policy.MinDelay, r.policy.MaxDelay)
	for i := 1; i < r.failures; i++ {
		most += min(most, r.policy.MaxDelay-most) // doubles, capped at MaxDelay
	}
	return rand.N(max(most, 1))
}

// Limited is noted on a transient failure that will not pass soon: the registry limits the rate of
// requests, or asks for a longer wait than the policy allows (errdef.NoteOf).
type Limited struct {
	After time.Duration // how long to wait; 0 if the registry did not say
}

// retryable is noted on a transient failure.
type retryable struct{}

// Retryable marks err as transient: another try may succeed.
func Retryable(err error) error { return errdef.WithNote(err, retryable{}) }

// IsRetryable reports whether err is transient.
func IsRetryable(err error) bool {
	_, marked := errdef.NoteOf[retryable](err)
	return marked || isRetryableResponse(err)
}
