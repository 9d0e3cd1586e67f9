package credential

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/docker/docker-credential-helpers/credentials"
)

// runs runs helpers: at most one at a time for a question, and none for one that was answered lately. Runs for
// different questions do not wait for each other.
type runs struct {
	timeout, lifetime time.Duration
	now               func() time.Time

	mu      sync.Mutex
	running map[question]*run // and those whose answer is kept
}

// A run is of a helper, for all who have the same question while it lasts. It ends when nobody is left who waits for
// it, so that no caller's context ends another's run.
type run struct {
	cancel context.CancelFunc
	done   chan struct{} // closed after creds and err are set

	creds *credentials.Credentials // nil where the helper has none
	err   error

	// Guarded by runs.mu.
	waiting  int
	finished bool
	dying    bool      // everyone has left
	stale    bool      // not to be kept: the registry refused something meanwhile
	expires  time.Time // when finished
}

// ask returns the answered run for a question. Its error is the helper's [*failure], or the context's cause.
func (r *runs) ask(ctx context.Context, env environ, q question) (*run, error) {
	for {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		u, joined := r.join(ctx, env, q)
		select {
		case <-u.done:
			if joined {
				return u, u.err
			} // otherwise the way is free for another
		case <-ctx.Done():
			if joined {
				r.leave(u)
			}
			return nil, context.Cause(ctx)
		}
	}
}

// join returns the run for a question, which it starts if need be, and whether the caller now waits for its answer:
// a run that is being ended must be over before the next can start.
func (r *runs) join(ctx context.Context, env environ, q question) (u *run, joined bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u = r.running[q]
	switch {
	case u != nil && u.dying:
		return u, false
	case u == nil, u.finished && !r.now().Before(u.expires):
		u = r.start(ctx, env, q)
	}
	u.waiting++
	return u, true
}

// start starts a run. The caller holds r.mu.
func (r *runs) start(ctx context.Context, env environ, q question) *run {
	late := fmt.Errorf("no answer in %v: %w", r.timeout, context.DeadlineExceeded)
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), r.timeout, late)
	u := &run{cancel: cancel, done: make(chan struct{})}
	r.running[q] = u
	go func() {
		defer cancel()
		creds, err := get(ctx, env, q)
		r.mu.Lock()
		defer r.mu.Unlock()
		u.creds, u.err = creds, err
		u.finished, u.expires = true, r.now().Add(r.lifetime)
		if err != nil || u.stale || u.dying {
			delete(r.running, q)
		}
		close(u.done)
	}()
	return u
}

// leave gives up waiting for a run. The last one out ends it, and stays until the helper is dead.
func (r *runs) leave(u *run) {
	r.mu.Lock()
	u.waiting--
	last := u.waiting == 0 && !u.finished
	if last {
		u.dying = true
		u.cancel()
	}
	r.mu.Unlock()
	if last {
		<-u.done
	}
}

// forget drops the answers about a registry: only that of one run, unless it is nil.
func (r *runs) forget(host string, only *run) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for q, u := range r.running {
		switch {
		case q.server.host != host || only != nil && only != u:
		case u.finished:
			delete(r.running, q)
		default:
			u.stale = true
		}
	}
}
