// Package retry repeats what failed for a reason that passes: a connection that broke, a registry that is restarting or
// wants less traffic.
//
// There is one loop, around a whole operation, and not one around each request: an upload needs a new session, a
// download a fresh signed URL, and both may need a fresh token. [Transport], under the operation, tells the loop what
// it cannot know otherwise: whether an error came from the connection, and what Retry-After said.
package retry

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// A Policy says how often an operation is tried, and how long to wait in between: a random time between nothing and
// MinDelay doubled with each failure, but at most MaxDelay ("full jitter", so that many clients do not come back at
// once). A registry that says with Retry-After when to come back is obeyed, unless that is more than MaxRetryAfter away.
type Policy struct {
	Attempts           int
	MinDelay, MaxDelay time.Duration
	MaxRetryAfter      time.Duration
}

// Do calls try until it succeeds, fails for good, or was called Attempts times, and returns its last error. Give the
// context it passes to the requests. Before each wait notify is told why, and how long it is. Waiting ends with ctx.
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

// Notify is told of a failure before the operation is tried again.
type Notify func(err error, wait time.Duration)

// A Run is one operation on its way. It is not safe for concurrent use.
type Run struct {
	policy Policy
	notify Notify
	failed int // tries since the last progress
	now    *attempt
}

// Run starts an operation that calls for each try itself: [Run.Context] before, [Run.Wait] after a failure.
func (p Policy) Run(notify Notify) *Run { return &Run{policy: p, notify: notify} }

// attempt is one try. It travels in the contexts of its requests.
type attempt struct {
	number int // from 1
	// after is what the last answer's Retry-After said, in nanoseconds. Requests of one try may be under way at once:
	// go-containerregistry asks whether a registry speaks https or http, and leaves the slower request to itself.
	after atomic.Int64
}

type attemptKey struct{}

// Number returns which try the request that carries ctx belongs to, from 1 on.
func Number(ctx context.Context) int {
	if a, ok := ctx.Value(attemptKey{}).(*attempt); ok {
		return a.number
	}
	return 1
}

// Elsewhere says that the try which ctx belongs to goes on with another server: when the last one wants to be asked again is
// not its business.
func Elsewhere(ctx context.Context) {
	if a, ok := ctx.Value(attemptKey{}).(*attempt); ok {
		a.after.Store(0)
	}
}

// Context returns the context for the requests of the next try.
func (r *Run) Context(ctx context.Context) context.Context {
	r.now = &attempt{number: r.failed + 1}
	return context.WithValue(ctx, attemptKey{}, r.now)
}

// Progress says that the operation came nearer to its end: tries are counted anew.
func (r *Run) Progress() { r.failed = 0 }

// Wait waits until the operation that failed with err may be tried again, and returns nil, or the error to give up with:
// err itself, or an [*AfterError] around it.
func (r *Run) Wait(ctx context.Context, err error) error {
	r.failed++
	if ctx.Err() != nil || !IsPassing(err) {
		return err
	}
	after := time.Duration(r.now.after.Load())
	if after > r.policy.MaxRetryAfter || (r.failed >= r.policy.Attempts && limited(err)) {
		return &AfterError{After: after, Err: err}
	}
	if r.failed >= r.policy.Attempts {
		if r.failed > 1 {
			return fmt.Errorf("%w (tried %d times)", err, r.failed)
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
		return fmt.Errorf("%w while waiting to try again after: %w", context.Cause(ctx), err)
	}
}

// delay returns a random time, longer on average with each failure.
func (r *Run) delay() time.Duration {
	most := min(r.policy.MinDelay, r.policy.MaxDelay)
	for i := 1; i < r.failed; i++ {
		most += min(most, r.policy.MaxDelay-most) // doubled, as far as there is room
	}
	return rand.N(max(most, 1))
}

// AfterError is a failure that passes, but not soon: a registry that wants less traffic.
type AfterError struct {
	After time.Duration // when to come back; 0 if the registry did not say
	Err   error
}

func (e *AfterError) Error() string { return e.Err.Error() }
func (e *AfterError) Unwrap() error { return e.Err }

// Passing marks err as one that another try may not meet.
func Passing(err error) error { return &passingError{err} }

type passingError struct{ err error }

func (p *passingError) Error() string { return p.err.Error() }
func (p *passingError) Unwrap() error { return p.err }

// IsPassing reports whether another try may go better.
func IsPassing(err error) bool {
	var marked *passingError
	return errors.As(err, &marked) || passingAnswer(err)
}
