package registry

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"golang.org/x/sync/semaphore"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// A session is authenticated access to one repository with one scope. Everything a client does
// there with that scope goes through it. It is made without asking the registry: it begins when its
// first request has told what that requires, and from then on all requests share what was learned,
// such as a token.
type session struct {
	repo        name.Repository
	prefix      string // of the repository's URLs
	credentials credentials
	// transport is a *transport.Wrapper, which package remote uses unchanged: no ping, and no retries
	// of its own.
	transport http.RoundTripper
	client    *http.Client // of transport
	below     *authorized  // what transport wraps
	number    int64        // among the client's sessions
}

// begun reports whether anything is known of what the registry requires.
func (s *session) begun() bool { return s.below.current.Load() != nil }

// showsToken reports whether the registry is shown a token, which may have become outdated.
func (s *session) showsToken() bool { return s.begun() && s.below.current.Load().challenge.isBearer() }

// expired reports whether the registry is to be tried over https again.
func (s *session) expired() bool {
	o := s.below.origin.Load()
	return o != nil && o.untrusted && o.expired()
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

// sessions keeps one session per repository and scope. Unlike remote.Puller and remote.Pusher, it
// never returns an error caused by one caller's context to another caller.
type sessions struct {
	slots  lru[sessionKey, *sessionSlot]
	opened atomic.Int64 // how many there were so far
}

// A sessionSlot holds a session once there is one. Whoever holds busy creates it; the others wait,
// or leave when their context ends.
type sessionSlot struct {
	busy     *semaphore.Weighted
	failures atomic.Int64 // lets waiters notice a failure

	// Guarded by busy.
	session *session
	failed  failedOpening // the most recent one
}

type failedOpening struct {
	credentials credentials
	err         error
}

// acquire waits for the slot, or until ctx ends.
func (s *sessionSlot) acquire(ctx context.Context) error {
	if s.busy.Acquire(ctx, 1) != nil {
		return context.Cause(ctx)
	}
	return nil
}

// slot returns the slot for a repository and scope, however its registry is spelled.
func (c *Client) slot(key sessionKey) *sessionSlot {
	if repo, _, err := c.canonical(key.repository); err == nil { // if not, opening the session says why
		key.repository = repo
	}
	return c.sessions.slots.get(key, func() *sessionSlot { return &sessionSlot{busy: semaphore.NewWeighted(1)} })
}

// An operation is work to be done in a session.
type operation func(context.Context, *session) error

// inSession runs an operation in the client's session for a repository and scope. If it is refused,
// it runs once more in a new session, where that may make a difference:
//
// Stored credentials may have been replaced since they were read, so they are looked up again. In a
// session that an earlier operation made, what was learned then may no longer hold, or may have
// been wrong, such as a maintenance page in place of a challenge.
//
// A pull then falls back from stored credentials to anonymous access, since an outdated password
// does not make a public repository private.
//
// The error shows no credentials that the client has sent, wherever a registry repeats them.
func (c *Client) inSession(ctx context.Context, key sessionKey, do operation) error {
	return hide(c.sent, c.inSomeSession(ctx, key, do))
}

func (c *Client) inSomeSession(ctx context.Context, key sessionKey, do operation) error {
	before := c.sessions.opened.Load()
	s, used, err := c.perform(ctx, key, nil, do)
	if !refused(err) {
		return err
	}
	replaced, rerr := c.replace(ctx, key, s, used, err, before)
	if rerr != nil && !refused(rerr) {
		return rerr
	}
	if replaced {
		if s, used, err = c.perform(ctx, key, nil, do); !refused(err) {
			return err
		}
		if used.stored {
			c.drop(ctx, key, s)
		}
	}
	if !used.stored || key.scope != transport.PullScope {
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

// replace replaces a session in which an operation was refused, and reports whether there is
// another one now. before is the number of sessions that there were when the operation began.
func (c *Client) replace(ctx context.Context, key sessionKey, old *session, used credentials, refusal error, before int64) (bool, error) {
	if used.stored {
		if renewed, err := c.renew(ctx, key, old, used); renewed || err != nil {
			return renewed, err
		}
	}
	if old == nil || !old.begun() || old.number > before {
		return false, nil // it was made for this operation
	}
	return c.remake(ctx, key, old, refusal)
}

// tokenSettled is how old a token must be before a 403 may mean that it no longer says what its
// holder may do.
const tokenSettled = time.Minute

// remake replaces a session in which an operation was refused by one that asks what the registry
// requires, and reports whether that may make a difference.
func (c *Client) remake(ctx context.Context, key sessionKey, old *session, refusal error) (bool, error) {
	if !unauthorized(refusal) && (!old.showsToken() || time.Since(old.below.begun) < tokenSettled) {
		return false, nil // the registry knows who is asking, and refuses
	}
	return c.unlessReplaced(ctx, key, old, func(slot *sessionSlot) (bool, error) {
		if isAnonymous(old.credentials.auth) {
			slot.session = nil // there may be credentials by now
			return true, nil
		}
		made, err := c.openAsking(ctx, key, old.credentials)
		if err != nil {
			return false, err
		}
		if !old.showsToken() && !made.showsToken() {
			return false, nil // the same password would be refused again
		}
		slot.session = made
		return true, nil
	})
}

// renew replaces a session whose stored credentials were refused, and reports whether there is
// another one now.
func (c *Client) renew(ctx context.Context, key sessionKey, old *session, used credentials) (bool, error) {
	return c.unlessReplaced(ctx, key, old, func(slot *sessionSlot) (bool, error) {
		c.forget(key.repository, used)
		fresh, err := c.credentials(ctx, key)
		if err != nil || sameCredentials(ctx, used, fresh) {
			return false, nil //nolint:nilerr // the refusal is the error to report
		}
		made, err := c.open(key, fresh)
		if err != nil {
			return false, err
		}
		slot.session = made
		return true, nil
	})
}

// unlessReplaced lets replace put another session in the place of old, unless there is one already:
// several operations may find at once that theirs is outdated, and one of them replaces it. It
// reports whether there is another session now.
func (c *Client) unlessReplaced(
	ctx context.Context, key sessionKey, old *session, replace func(*sessionSlot) (bool, error),
) (bool, error) {
	slot := c.slot(key)
	if err := slot.acquire(ctx); err != nil {
		return false, err
	}
	defer slot.busy.Release(1)
	if slot.session != nil && slot.session != old {
		return true, nil
	}
	return replace(slot)
}

// perform runs an operation in the client's session and returns that session and its credentials.
// If with is not nil, it creates a new session with those credentials.
func (c *Client) perform(ctx context.Context, key sessionKey, with *credentials, do operation) (*session, credentials, error) {
	s, used, err := c.session(ctx, key, with)
	if err == nil {
		err = inSessionError(s, do(ctx, s))
		if err != nil && !s.begun() {
			c.drop(ctx, key, s) // the next attempt looks anew for credentials, too
		}
	}
	if refused(err) {
		err = errdef.WithNote(err, used.shown(key.repository))
		// Who is anonymous today may have credentials tomorrow: the next operation looks again.
		if with != nil || isAnonymous(used.auth) {
			c.drop(ctx, key, s)
		}
	}
	return s, used, err
}

// inSessionError notes on an operation's error, if it is one, which registry the session is with.
func inSessionError(s *session, err error) error {
	if err == nil {
		return nil
	}
	return errdef.WithNote(err, inSessionWith{s.repo.RegistryStr(), s.begun()})
}

// session returns the client's session for key. If with is not nil, it creates a new session with
// those credentials, which replaces the old one. If a session cannot be created, everyone who was
// waiting for it gets the same error instead of trying one after the other.
func (c *Client) session(ctx context.Context, key sessionKey, with *credentials) (*session, credentials, error) {
	slot := c.slot(key)
	before := slot.failures.Load()
	if err := slot.acquire(ctx); err != nil {
		return nil, credentials{}, err
	}
	defer slot.busy.Release(1)
	if slot.session != nil && !slot.session.expired() && with == nil {
		return slot.session, slot.session.credentials, nil
	}
	if with == nil && slot.failures.Load() != before {
		return nil, slot.failed.credentials, slot.failed.err
	}
	made, used, err := c.newSession(ctx, key, with)
	if err == nil {
		slot.session = made
	} else if with == nil && ctx.Err() == nil { // a context that ended concerns only its own caller
		slot.failed = failedOpening{used, err}
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
	made, err = c.open(key, used)
	return made, used, err
}

// drop discards a session that turned out to be useless.
func (c *Client) drop(ctx context.Context, key sessionKey, useless *session) {
	slot := c.slot(key)
	if slot.acquire(ctx) != nil {
		return // the context has ended, so nobody needs another session
	}
	defer slot.busy.Release(1)
	if slot.session == useless {
		slot.session = nil
	}
}
