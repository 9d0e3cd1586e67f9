package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"golang.org/x/sync/semaphore"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/guard"
)

// handshake authenticates with a repository's registry.
func (c *Client) handshake(ctx context.Context, key sessionKey, with credentials) (*session, error) {
	number := c.sessions.handshakes.Add(1)
	repo, err := c.config.canonical(key.repository)
	if err != nil {
		return nil, fmt.Errorf("%w: registry %q: %w", errdef.ErrInvalidReference, key.repository.RegistryStr(), err)
	}
	base := transport.NewUserAgent(c.guard.For(repo.RegistryStr()), c.config.UserAgent)
	learned, err := c.ping(ctx, repo, with, base)
	if err != nil {
		return nil, handshakeError(err, repo)
	}
	a := &authorized{
		client: c, base: base, registry: repo.Registry, scheme: "https",
		auth: with.auth, scope: repo.Scope(key.scope), renewing: semaphore.NewWeighted(1),
	}
	if learned.Insecure || c.config.usesPlainHTTP(repo.RegistryStr()) {
		a.scheme, a.untrusted = "http", !c.trustsHTTP(repo.Registry)
	}
	met, err := a.meet(ctx, challenge{learned.Scheme, learned.Parameters})
	if err != nil {
		return nil, handshakeError(err, repo)
	}
	a.current.Store(met)
	wrapped, err := wrap(repo.Registry, a)
	if err != nil {
		return nil, handshakeError(err, repo)
	}
	s := &session{repo: repo, prefix: urlPrefix(repo), credentials: with, transport: wrapped, client: &http.Client{Transport: wrapped}, below: a, number: number, made: time.Now()}
	if a.untrusted {
		s.expires = s.made.Add(untrustedLifetime)
		c.config.Log.Warnf("%s does not respond over https and is accessed over http: anyone on the network path can "+
			"change content that is not requested by digest (WithHTTPSOnly, --https-only refuses this)", repo.RegistryStr())
	}
	return s, nil
}

// untrustedLifetime is how long a registry that was reached over http is not tried over https
// again.
const untrustedLifetime = 5 * time.Minute

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

// ping asks a registry what it requires. go-containerregistry falls back to http where a registry
// on a loopback or private address does not respond over https. That is only acceptable for
// anonymous access: otherwise, whoever can disturb https could answer over http, and name the
// server to send the credentials to.
func (c *Client) ping(ctx context.Context, repo name.Repository, with credentials, base http.RoundTripper) (*transport.Challenge, error) {
	registry := repo.Registry
	fallsBack := registry.Scheme() == "http" && !c.config.usesPlainHTTP(registry.RegistryStr())
	httpsOnly := fallsBack && (c.config.HTTPSOnly || !c.trustsHTTP(registry) && !with.empty(ctx))
	var failed fallback
	learned, err := transport.Ping(ctx, registry, pinger{base, repo, c.config.canonicalHost, httpsOnly, &failed})
	if err == nil || !httpsOnly {
		return learned, failed.note(err)
	}
	// The error is two in one. That of https is the one to tell: the other was made here.
	var response *transport.Error
	var request *url.Error
	switch {
	case errors.As(err, &response): // it does respond over https
		return nil, response
	case errors.As(err, &request):
		err = request
	}
	if c.config.HTTPSOnly {
		return nil, fmt.Errorf("%w (http is not tried, because of WithTLS, WithHTTPSOnly or --https-only)", err)
	}
	return nil, fmt.Errorf("%w: https failed, and credentials for %s would be sent in clear text over http (use https, "+
		"or allow it with WithPlainHTTP, --plain-http): %w", errdef.ErrInsecure, registry.RegistryStr(), err)
}

// handshakeError names the step of a handshake that failed, as far as its error tells.
func handshakeError(err error, repo name.Repository) error {
	var response *transport.Error
	var request *url.Error
	err = errdef.WithNote(err, handshakeWith{repo.RegistryStr()})
	if errors.As(err, &response) && response.Request != nil && strings.HasPrefix(response.Request.URL.Path, "/v2/") ||
		errors.As(err, &request) && strings.HasSuffix(request.URL, "/v2/") {
		return fmt.Errorf("ask %s how to authenticate: %w", repo.RegistryStr(), err)
	}
	return fmt.Errorf("authenticate with %s: %w", repo.RegistryStr(), err)
}
