package leioci

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// A session is one authenticated way into a repository, for one scope. Everything that a client asks
// of the repository goes through it, so that there is one handshake.
type session struct {
	*Client
	repo  name.Repository
	login login
	// authenticated is a *transport.Wrapper, which package remote takes as it is: no second handshake, no retries of its own.
	authenticated http.RoundTripper
}

type sessionKey struct {
	repository name.Repository
	scope      string
}

// sessions keeps one session for each repository and scope. Unlike remote.Puller and remote.Pusher it never
// hands the error of one caller's context to another caller.
type sessions struct {
	mu    sync.Mutex
	slots map[sessionKey]*slot
}

// slot holds a session once there is one. Whoever holds turn makes it; the others wait, or leave with their context.
type slot struct {
	turn     turn
	failures atomic.Int64 // counts, so that those who wait see that there was one

	// For who holds turn.
	session *session
	failed  failure // the last one
}

// failure is a handshake that failed, with its login.
type failure struct {
	login login
	err   error
}

func (s *sessions) slot(key sessionKey) *slot {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.slots == nil {
		s.slots = map[sessionKey]*slot{}
	}
	if s.slots[key] == nil {
		s.slots[key] = &slot{turn: newTurn()}
	}
	return s.slots[key]
}

// inSession carries out an operation in the client's session for repo and scope, one of package transport's scopes.
//
// Stored credentials that are refused may have been replaced since they were read: they are looked for again and, if they
// are others now, the operation is carried out once more. To read, it is then tried without credentials: a password that
// is out of date does not make a public repository private.
func (c *Client) inSession(ctx context.Context, repo name.Repository, scope string, operation func(context.Context, *session) error) error {
	login, err := c.perform(ctx, repo, scope, nil, operation)
	if !refused(err) || !login.stored {
		return err
	}
	c.forget(repo, login)
	if fresh, ferr := c.login(ctx, repo, scope); ferr == nil && !sameLogin(ctx, login, fresh) {
		if login, err = c.perform(ctx, repo, scope, &fresh, operation); !refused(err) {
			return err
		}
	}
	if scope != transport.PullScope {
		return err
	}
	without := anonymous("no credentials, as the stored ones were refused")
	if _, aerr := c.perform(ctx, repo, scope, &without, operation); aerr != nil {
		return err
	}
	c.log.Warnf("%s refuses the stored credentials (%s) and is read without; log in again, or remove them", repo, login.source)
	return nil
}

// perform carries out an operation in the client's session, which is made with a login if one is given and it has another,
// and returns the login that was used.
func (c *Client) perform(ctx context.Context, repo name.Repository, scope string, with *login, operation func(context.Context, *session) error) (login, error) {
	s, used, err := c.session(ctx, repo, scope, with)
	if err == nil {
		err = operation(ctx, s)
	}
	if refused(err) {
		err = &loginError{used, repo.RegistryStr(), err}
		// Without credentials today, there may be some tomorrow: the next operation looks again.
		if with != nil || used.auth == authn.Anonymous {
			c.drop(ctx, repo, scope, s)
		}
	}
	return used, err
}

// session returns the client's session for repo and scope. One that is made with a given login replaces it. If it cannot
// be made, that is the answer for all who waited for it: they do not try one after the other.
func (c *Client) session(ctx context.Context, repo name.Repository, scope string, with *login) (*session, login, error) {
	s := c.sessions.slot(sessionKey{repo, scope})
	before := s.failures.Load()
	if err := s.turn.take(ctx); err != nil {
		return nil, login{}, err
	}
	defer s.turn.give()
	if s.session != nil && with == nil {
		return s.session, s.session.login, nil
	}
	if with == nil && s.failures.Load() != before {
		return nil, s.failed.login, s.failed.err
	}
	var used login
	err := c.try(ctx, func(ctx context.Context) (err error) {
		if with != nil {
			used = *with
		} else if used, err = c.login(ctx, repo, scope); err != nil {
			return err
		}
		made, err := c.handshake(ctx, repo, scope, used)
		if err == nil {
			s.session = made
		}
		return err
	})
	if err != nil && with == nil && ctx.Err() == nil { // the end of this caller's context is no other's affair
		s.failed = failure{used, err}
		s.failures.Add(1)
	}
	return s.session, used, err
}

// drop forgets a session that turned out to be of no use.
func (c *Client) drop(ctx context.Context, repo name.Repository, scope string, useless *session) {
	s := c.sessions.slot(sessionKey{repo, scope})
	if s.turn.take(ctx) != nil {
		return // with its context, nobody needs another session
	}
	defer s.turn.give()
	if s.session == useless {
		s.session = nil
	}
}

// handshake authenticates with repo's registry.
func (c *Client) handshake(ctx context.Context, repo name.Repository, scope string, l login) (*session, error) {
	registry := repo.Registry
	if slices.Contains(c.plainHTTP, registry.RegistryStr()) {
		var err error
		if registry, err = name.NewRegistry(registry.RegistryStr(), name.Insecure); err != nil {
			return nil, err
		}
	}
	base := transport.NewUserAgent(pinging{c.guard, repo}, c.userAgent)
	rt, err := transport.NewWithContext(ctx, registry, l.auth, base, []string{repo.Scope(scope)})
	if err != nil {
		return nil, step(err, repo)
	}
	return &session{Client: c, repo: repo, login: l, authenticated: rt}, nil
}

// try carries out an operation by the client's policy for failures that pass. What it fails with before the last time is logged.
func (o *options) try(ctx context.Context, operation func(context.Context) error) error {
	return o.retry.Do(ctx, operation, o.logRetry)
}

func (o *options) logRetry(err error, wait time.Duration) {
	o.log.Infof("trying again in %v: %v", wait.Round(time.Millisecond), redact(err))
}

// remoteOptions lets package remote work through the session. Its own retries are off: there is one policy, and they sleep
// on after the context has ended. Non-distributable layers are pushed as any other: what a caller gives, it wants there.
func (s *session) remoteOptions() []remote.Option {
	return []remote.Option{
		remote.WithTransport(s.authenticated),
		remote.WithRetryBackoff(remote.Backoff{Steps: 1}),
		remote.WithJobs(s.concurrency),
		remote.WithNondistributable,
	}
}
