package leioci

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci/internal/guard"
)

// A session is one authenticated way into a repository, for one scope. Everything that a client asks
// of the repository goes through it, so that there is one handshake.
type session struct {
	*options
	guard guard.Transport
	repo  name.Repository
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
	turn    chan struct{}
	session *session
}

func (s *sessions) slot(key sessionKey) *slot {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.slots == nil {
		s.slots = map[sessionKey]*slot{}
	}
	if s.slots[key] == nil {
		s.slots[key] = &slot{turn: make(chan struct{}, 1)}
	}
	return s.slots[key]
}

// session returns the client's session for repo and scope, one of package transport's scopes.
func (c *Client) session(ctx context.Context, repo name.Repository, scope string) (*session, error) {
	s := c.sessions.slot(sessionKey{repo, scope})
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if s.session != nil {
		return s.session, nil
	}
	err := c.try(ctx, func(ctx context.Context) (err error) {
		s.session, err = c.handshake(ctx, repo, scope)
		return err
	})
	return s.session, err
}

// handshake authenticates with repo's registry.
func (c *Client) handshake(ctx context.Context, repo name.Repository, scope string) (*session, error) {
	auth, err := c.credentials(ctx, repo)
	if err != nil {
		return nil, fmt.Errorf("credentials for %s: %w", repo.RegistryStr(), err)
	}
	registry := repo.Registry
	if slices.Contains(c.plainHTTP, registry.RegistryStr()) {
		if registry, err = name.NewRegistry(registry.RegistryStr(), name.Insecure); err != nil {
			return nil, err
		}
	}
	base := transport.NewUserAgent(pinging{c.guard, repo}, c.userAgent)
	rt, err := transport.NewWithContext(ctx, registry, auth, base, []string{repo.Scope(scope)})
	if err != nil {
		return nil, step(err, repo)
	}
	return &session{options: c.options, guard: c.guard, repo: repo, authenticated: rt}, nil
}

// try carries out an operation by the client's policy for failures that pass. What it fails with before the last time is logged.
func (o *options) try(ctx context.Context, operation func(context.Context) error) error {
	return o.retry.Do(ctx, operation, o.logRetry)
}

func (o *options) logRetry(err error, wait time.Duration) {
	o.log.Infof("trying again in %v: %v", wait.Round(time.Millisecond), redact(err))
}

// credentials returns those for repo. Keychains run programs and need not know of contexts, so the wait for one ends
// with ctx even where the keychain goes on; what it finds then is dropped.
func (c *Client) credentials(ctx context.Context, repo name.Repository) (authn.Authenticator, error) {
	if auth, ok := c.auths[repo.RegistryStr()]; ok {
		return auth, nil
	}
	type answer struct {
		auth authn.Authenticator
		err  error
	}
	answers := make(chan answer, 1) // with room, so that nobody has to wait for it
	go func() {
		auth, err := authn.Resolve(ctx, c.keychain, repo)
		answers <- answer{auth, err}
	}()
	select {
	case a := <-answers:
		return a.auth, a.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
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
