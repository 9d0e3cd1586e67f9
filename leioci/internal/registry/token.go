package registry

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"golang.org/x/sync/semaphore"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// exchange gets a token for scopes from the token server that a challenge names. It reports whether
// the token was issued for this: a registry's own token is not, and no token server gets to see it.
func (c *Client) exchange(ctx context.Context, e exchange) (token string, issued bool, err error) {
	config, err := authn.Authorization(ctx, e.auth)
	switch {
	case err != nil:
		return "", false, err
	case config == nil:
		return "", false, errNoConfig
	case config.RegistryToken != "":
		return config.RegistryToken, false, nil
	case config.IdentityToken == "":
		response, err := e.send(ctx, *config)
		return response.Token, true, err
	}
	key := identityKey{e.registry.RegistryStr(), config.IdentityToken}
	identity := c.identities.get(key, func() *identity { return &identity{busy: semaphore.NewWeighted(1)} })
	token, err = identity.exchange(ctx, e, *config)
	return token, true, err
}

var errNoConfig = errors.New("the authenticator returned neither credentials nor an error")

// AtTokenServer is noted on the error of a token request (errdef.NoteOf). Its status says nothing
// about what the token was for.
type AtTokenServer struct{}

// An exchange is what it takes to get a token.
type exchange struct {
	registry  name.Registry
	auth      authn.Authenticator
	base      http.RoundTripper
	scopes    []string
	challenge *transport.Challenge
}

// send requests a token with credentials.
func (e exchange) send(ctx context.Context, with authn.AuthConfig) (transport.Token, error) {
	token, err := transport.Exchange(ctx, e.registry, authn.FromConfig(with), tokenTransport{e.base}, e.scopes, e.challenge)
	if err != nil {
		return transport.Token{}, errdef.WithNote(err, AtTokenServer{})
	}
	return *token, nil
}

// An identityKey is an identity token (in OAuth 2: a refresh token) as it was configured.
type identityKey struct{ registry, token string }

// An identity is an identity token that its server may replace at each use, ending the one that was
// used. All sessions of a client that were configured with the token share it, one at a time.
type identity struct {
	busy   *semaphore.Weighted
	latest string // guarded by busy; empty before the server has replaced the configured token
}

// exchange gets a token with the latest identity token, or with the configured one if the server
// rejects that.
func (i *identity) exchange(ctx context.Context, e exchange, configured authn.AuthConfig) (string, error) {
	if i.busy.Acquire(ctx, 1) != nil {
		return "", context.Cause(ctx)
	}
	defer i.busy.Release(1)
	with := configured
	if i.latest != "" {
		with.IdentityToken = i.latest
	}
	token, err := e.send(ctx, with)
	if refused(err) && i.latest != "" {
		i.latest = ""
		token, err = e.send(ctx, configured)
	}
	if err == nil && token.RefreshToken != "" {
		i.latest = token.RefreshToken
	}
	return token.Token, err
}
