package registry

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"golang.org/x/sync/semaphore"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/guard"
)

// open returns a session in which nothing was asked yet: its first request finds out what the
// registry requires.
func (c *Client) open(key sessionKey, with credentials) (*session, error) {
	repo, scheme, err := c.canonical(key.repository)
	if err != nil {
		return nil, fmt.Errorf("%w: registry %q: %w", errdef.ErrInvalidReference, key.repository.RegistryStr(), err)
	}
	a := &authorized{
		client: c, base: transport.NewUserAgent(c.guard.For(repo.RegistryStr()), c.config.UserAgent), repo: repo, usual: scheme,
		with: with, scope: repo.Scope(key.scope), renewing: semaphore.NewWeighted(1),
	}
	switch {
	case c.config.usesPlainHTTP(repo.RegistryStr()):
		a.origin.Store(&origin{scheme: "http"})
	case scheme == "https":
		a.origin.Store(&origin{scheme: "https"})
	}
	wrapped, err := wrap(repo.Registry, a)
	if err != nil {
		return nil, err
	}
	return &session{
		repo: repo, prefix: urlPrefix(repo, scheme), credentials: with, transport: wrapped,
		client: &http.Client{Transport: wrapped}, below: a, number: c.sessions.opened.Add(1),
	}, nil
}

// openAsking returns a session that has asked what the registry requires.
func (c *Client) openAsking(ctx context.Context, key sessionKey, with credentials) (*session, error) {
	s, err := c.open(key, with)
	if err != nil {
		return nil, err
	}
	met, err := s.below.ask(ctx)
	if err != nil {
		return nil, err
	}
	s.below.learn(met)
	return s, nil
}

// learn ends what a session begins with. Only the holder of renewing may do so, or whoever made it.
func (a *authorized) learn(met *authorization) {
	a.begun = time.Now()
	a.current.Store(met)
}

// wrap returns rt in the type that package remote takes as it is. Only package transport can make
// one: it wraps its transport for basic authentication, which does nothing for anonymous access.
func wrap(registry name.Registry, rt http.RoundTripper) (http.RoundTripper, error) {
	return transport.FromToken(registry, authn.Anonymous, rt, &transport.Challenge{}, nil)
}

// trustsHTTP reports whether a registry that is reached over http may be sent credentials: it is on
// this machine, or the user said so.
func (c *Client) trustsHTTP(registry name.Registry) bool {
	host := registry.RegistryStr()
	return c.config.usesPlainHTTP(host) || guard.Loopback((&url.URL{Host: host}).Hostname())
}
