package leioci

import (
	"context"
	"sync/atomic"

	"golang.org/x/sync/semaphore"
)

// A deferred value is computed when it is first needed, and kept. It is safe for concurrent use:
// one caller computes it, under its own context, and the others wait, or leave when theirs ends.
//
// An error is kept, too, unless the context of the caller who computed the value had ended: that
// says nothing about the value, and the next caller computes it.
type deferred[T any] struct {
	compute func(context.Context) (T, error)
	busy    *semaphore.Weighted
	outcome atomic.Pointer[outcome[T]]
}

type outcome[T any] struct {
	value T
	err   error
}

func newDeferred[T any](compute func(context.Context) (T, error)) *deferred[T] {
	return &deferred[T]{compute: compute, busy: semaphore.NewWeighted(1)}
}

// notDeferred returns a value that is known already.
func notDeferred[T any](value T) *deferred[T] {
	d := &deferred[T]{}
	d.outcome.Store(&outcome[T]{value: value})
	return d
}

// known returns the value if it is known, without an error.
func (d *deferred[T]) known() (value T, ok bool) {
	if o := d.outcome.Load(); o != nil && o.err == nil {
		return o.value, true
	}
	return value, false
}

// get returns the value. Once that is known, ctx may have ended.
func (d *deferred[T]) get(ctx context.Context) (value T, err error) {
	if o := d.outcome.Load(); o != nil {
		return o.value, o.err
	}
	if d.busy.Acquire(ctx, 1) != nil {
		return value, context.Cause(ctx)
	}
	defer d.busy.Release(1)
	if o := d.outcome.Load(); o != nil {
		return o.value, o.err
	}
	value, err = d.compute(ctx)
	if err == nil || ctx.Err() == nil {
		d.outcome.Store(&outcome[T]{value, err})
	}
	return value, err
}
