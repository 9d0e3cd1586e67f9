package credential

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/docker/docker-credential-helpers/credentials"
)

// runs runs helpers. At most one runs at a time for a query, and none for a query with a cached
// answer. Runs for different queries do not wait for each other.
type runs struct {
	timeout, lifetime time.Duration
	now               func() time.Time

	mu      sync.Mutex
	byQuery map[query]*run // those in progress, and those whose answer is cached
}

// A run is one run of a helper, shared by all callers with the same query. It is canceled only when
// no caller waits for it any more, so that one caller's context does not end another's run.
type run struct {
	cancel context.CancelFunc
	done   chan struct{} // closed after creds and err are set

	creds *credentials.Credentials // nil if the helper has none
	err   error

	// Guarded by runs.mu.
	waiters  int
	finished bool
	canceled bool      // every caller has stopped waiting
	stale    bool      // do not cache: the registry refused credentials meanwhile
	expires  time.Time // set when finished
}

// ask returns the finished run for a query. The error is the helper's, with what it
// [said], or the context's cause.
func (r *runs) ask(ctx context.Context, env environ, q query) (*run, error) {
	for {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		u, joined := r.join(ctx, env, q)
		select {
		case <-u.done:
			if joined {
				return u, u.err
			} // otherwise a canceled run has ended, and a new one can start
		case <-ctx.Done():
			if joined {
				r.leave(u)
			}
			return nil, context.Cause(ctx)
		}
	}
}

// join returns the run for a query, starting one if necessary. joined says whether the caller now
// waits for its answer. It is false for a canceled run, which must end before the next can start.
func (r *runs) join(ctx context.Context, env environ, q query) (u *run, joined bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u = r.byQuery[q]
	switch {
	case u != nil && u.canceled:
		return u, false
	case u == nil, u.finished && !r.now().Before(u.expires):
		u = r.start(ctx, env, q)
	}
	u.waiters++
	return u, true
}

// start starts a run. The caller holds r.mu.
func (r *runs) start(ctx context.Context, env environ, q query) *run {
	timeoutErr := fmt.Errorf("no answer in %v: %w", r.timeout, context.DeadlineExceeded)
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), r.timeout, timeoutErr)
	u := &run{cancel: cancel, done: make(chan struct{})}
	r.dropExpired()
	r.byQuery[q] = u
	go func() {
		defer cancel()
		creds, err := runHelper(ctx, env, q)
		r.mu.Lock()
		defer r.mu.Unlock()
		u.creds, u.err = creds, err
		u.finished, u.expires = true, r.now().Add(r.lifetime)
		if err != nil || u.stale || u.canceled {
			delete(r.byQuery, q)
		}
		close(u.done)
	}()
	return u
}

// dropExpired drops the answers that are too old, which may be secrets and are for registries that
// may never be asked for again. The caller holds r.mu.
func (r *runs) dropExpired() {
	for q, u := range r.byQuery {
		if u.finished && !r.now().Before(u.expires) {
			delete(r.byQuery, q)
		}
	}
}

// leave stops waiting for a run. The last caller to leave cancels the run, and waits until the
// helper is dead.
func (r *runs) leave(u *run) {
	r.mu.Lock()
	u.waiters--
	last := u.waiters == 0 && !u.finished
	if last {
		u.canceled = true
		u.cancel()
	}
	r.mu.Unlock()
	if last {
		<-u.done
	}
}

// forget drops the cached answers for a registry. If only is not nil, it drops the answer of that
// run alone.
func (r *runs) forget(host string, only *run) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for q, u := range r.byQuery {
		switch {
		case q.server.host != host || only != nil && only != u:
		case u.finished:
			delete(r.byQuery, q)
		default:
			u.stale = true
		}
	}
}
