package registry

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"golang.org/x/sync/semaphore"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// A session is one authenticated way into a repository, for one scope. All that a client asks of the
// repository for that scope goes through it, so that there is one handshake.
type session struct {
	repo        name.Repository
	credentials credentials
	// transport is a *transport.Wrapper, which package remote takes as it is: no second handshake, and
	// no retries of its own.
	transport http.RoundTripper
}

// remoteOptions let package remote work through the session. Its own retries are off: there is one
// policy, and they sleep on after the context has ended.
func (s *session) remoteOptions() []remote.Option {
	return []remote.Option{
		remote.WithTransport(s.transport),
		remote.WithRetryBackoff(remote.Backoff{Steps: 1}),
	}
}

type sessionKey struct {
	repository name.Repository
	scope      string // one of package transport's
}

// sessions keeps one session for each repository and scope. Unlike remote.Puller and remote.Pusher it
// never hands the error of one caller's context to another caller.
type sessions struct {
	mu    sync.Mutex
	slots map[sessionKey]*sessionSlot
}

// A sessionSlot holds a session once there is one. Whoever holds busy makes it; the others wait, or
// leave with their context.
type sessionSlot struct {
	busy     *semaphore.Weighted
	failures atomic.Int64 // lets those who wait see that there was one

	// Guarded by busy.
	session *session
	failed  failedHandshake // the last one
}

type failedHandshake struct {
	credentials credentials
	err         error
}

// acquire waits for the slot until ctx ends.
func (s *sessionSlot) acquire(ctx context.Context) error {
	if s.busy.Acquire(ctx, 1) != nil {
		return context.Cause(ctx)
	}
	return nil
}

func (s *sessions) slot(key sessionKey) *sessionSlot {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.slots == nil {
		s.slots = map[sessionKey]*sessionSlot{}
	}
	if s.slots[key] == nil {
		s.slots[key] = &sessionSlot{busy: semaphore.NewWeighted(1)}
	}
	return s.slots[key]
}

// An operation is something to do in a session.
type operation func(context.Context, *session) error

// inSession carries out an operation in the client's session for a repository and scope.
//
// Stored credentials that are refused may have been replaced since they were read: they are looked up
// again and, if they have changed, the operation is carried out once more. For reading it is then
// tried without credentials: an outdated password does not make a public repository private.
func (c *Client) inSession(ctx context.Context, key sessionKey, do operation) error {
	s, used, err := c.perform(ctx, key, nil, do)
	if !refused(err) || !used.stored {
		return err
	}
	renewed, rerr := c.renew(ctx, key, s, used)
	if rerr != nil && !refused(rerr) {
		return rerr
	}
	if renewed {
		if s, used, err = c.perform(ctx, key, nil, do); !refused(err) {
			return err
		}
		c.drop(ctx, key, s)
	}
	if key.scope != transport.PullScope {
		return err
	}
	without := anonymous("no credentials, as the stored ones were refused")
	if _, _, aerr := c.perform(ctx, key, &without, do); aerr != nil {
		return err
	}
	c.config.Log.Warnf("%s refuses the stored credentials (%s) and is read without; log in again, or remove them",
		key.repository, used.source)
	return nil
}

// renew replaces a session whose stored credentials were refused, and reports whether there is another
// one now: several operations may find at once that theirs is outdated, and one of them replaces it.
func (c *Client) renew(ctx context.Context, key sessionKey, old *session, used credentials) (bool, error) {
	slot := c.sessions.slot(key)
	if err := slot.acquire(ctx); err != nil {
		return false, err
	}
	defer slot.busy.Release(1)
	if slot.session != old {
		return slot.session != nil, nil
	}
	c.forget(key.repository, used)
	fresh, err := c.credentials(ctx, key)
	if err != nil || sameCredentials(ctx, used, fresh) {
		return false, nil //nolint:nilerr // the refusal is the error to tell
	}
	made, err := c.handshake(ctx, key, fresh)
	if err != nil {
		return false, err
	}
	slot.session = made
	return true, nil
}

// perform carries out an operation in the client's session and returns that session and its credentials.
// If with is not nil, a new session is made with it.
func (c *Client) perform(ctx context.Context, key sessionKey, with *credentials, do operation) (*session, credentials, error) {
	s, used, err := c.session(ctx, key, with)
	if err == nil {
		err = do(ctx, s)
	}
	if refused(err) {
		err = errdef.WithNote(err, used.shown(key.repository))
		// Who is anonymous today may have credentials tomorrow: the next operation looks again.
		if with != nil || used.auth == authn.Anonymous {
			c.drop(ctx, key, s)
		}
	}
	return s, used, err
}

// session returns the client's session for key. One that is made with given credentials replaces it. If
// it cannot be made, all who waited for it get that error: they do not try one after the other.
func (c *Client) session(ctx context.Context, key sessionKey, with *credentials) (*session, credentials, error) {
	slot := c.sessions.slot(key)
	before := slot.failures.Load()
	if err := slot.acquire(ctx); err != nil {
		return nil, credentials{}, err
	}
	defer slot.busy.Release(1)
	if slot.session != nil && with == nil {
		return slot.session, slot.session.credentials, nil
	}
	if with == nil && slot.failures.Load() != before {
		return nil, slot.failed.credentials, slot.failed.err
	}
	made, used, err := c.newSession(ctx, key, with)
	if err == nil {
		slot.session = made
	} else if with == nil && ctx.Err() == nil { // the end of this caller's context concerns nobody else
		slot.failed = failedHandshake{used, err}
		slot.failures.Add(1)
	}
	return slot.session, used, err
}

func (c *Client) newSession(ctx context.Context, key sessionKey, with *credentials) (made *session, used credentials, err error) {
	if with != nil {
		used = *with
	} else if used, err = c.credentials(ctx, key); err != nil {
		return nil, used, err
	}
	made, err = c.handshake(ctx, key, used)
	return made, used, err
}

// drop forgets a session that turned out to be useless.
func (c *Client) drop(ctx context.Context, key sessionKey, useless *session) {
	slot := c.sessions.slot(key)
	if slot.acquire(ctx) != nil {
		return // with its context ended, nobody needs another session
	}
	defer slot.busy.Release(1)
	if slot.session == useless {
		slot.session = nil
	}
}

// handshake authenticates with a repository's registry.
func (c *Client) handshake(ctx context.Context, key sessionKey, with credentials) (*session, error) {
	repo := key.repository
	registry := repo.Registry
	if c.guard.UsesPlainHTTP(registry.RegistryStr()) {
		var err error
		if registry, err = name.NewRegistry(registry.RegistryStr(), name.Insecure); err != nil {
			return nil, err
		}
	}
	base := transport.NewUserAgent(pingFallback{c.guard.For(registry.RegistryStr()), repo}, c.config.UserAgent)
	rt, err := transport.NewWithContext(ctx, registry, with.auth, base, []string{repo.Scope(key.scope)})
	if err != nil {
		return nil, handshakeError(err, repo)
	}
	return &session{repo: repo, credentials: with, transport: rt}, nil
}
