package registry

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"golang.org/x/sync/semaphore"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// authorized sends a session's requests with what the registry requires of them, and follows it
// when that changes: a token that has expired or does not allow enough, another scheme, another
// token server. It does so once for each request.
//
// It stands in for go-containerregistry's bearer and basic transports, which keep to the challenge
// that they were made with. The former also writes a replaced identity token without a lock
// (v0.22.1, remote/transport/bearer.go).
type authorized struct {
	client   *Client
	base     http.RoundTripper
	registry name.Registry
	scheme   string // of URLs: "https" or "http"
	// untrusted: the registry was reached over http although nobody asked for that. Nothing that it
	// says leads to a token.
	untrusted bool
	auth      authn.Authenticator
	scope     string

	renewing *semaphore.Weighted // held by whoever replaces current; the others wait, or leave with their context
	current  atomic.Pointer[authorization]
}

// An authorization is a challenge, met. It does not change.
type authorization struct {
	challenge challenge
	token     string // if the challenge is for one
	issued    bool   // a token server issued the token, which is new even if it looks the same
}

// RoundTrip implements [http.RoundTripper].
func (a *authorized) RoundTrip(in *http.Request) (*http.Response, error) {
	if a.client.config.canonicalHost(in.URL.Host) != a.registry.RegistryStr() {
		return a.elsewhere(in)
	}
	ctx, current := in.Context(), a.current.Load()
	header, err := a.header(ctx, current)
	if err != nil {
		closeBody(in)
		return nil, err
	}
	resp, err := a.send(in, header)
	if err != nil {
		return nil, err
	}
	c, ok := challengeOf(resp)
	if !ok || !canSendAgain(in) {
		return resp, nil
	}
	renewed, err := a.renew(ctx, current, c)
	again := ""
	if err == nil {
		again, err = a.header(ctx, renewed)
	}
	if err == nil && again == header && !renewed.issued {
		return resp, nil // there is nothing else to show
	}
	_ = resp.Body.Close() // it is not returned
	if err != nil {
		return nil, err
	}
	return a.send(in, again)
}

// send sends a request to the registry. It does not change in.
func (a *authorized) send(in *http.Request, header string) (*http.Response, error) {
	if header == "" && in.URL.Scheme == a.scheme && in.URL.Host == a.registry.RegistryStr() {
		return a.base.RoundTrip(in) // nothing to change
	}
	req := in.Clone(in.Context())
	if req.Host == req.URL.Host {
		req.Host = a.registry.RegistryStr()
	}
	req.URL.Scheme, req.URL.Host = a.scheme, a.registry.RegistryStr()
	if header != "" {
		req.Header.Set("Authorization", header)
	}
	return a.base.RoundTrip(req)
}

// header returns the Authorization header for the registry.
func (a *authorized) header(ctx context.Context, current *authorization) (string, error) {
	if current.challenge.isBearer() {
		return "Bearer " + current.token, nil
	}
	if isAnonymous(a.auth) {
		return "", nil
	}
	config, err := authn.Authorization(ctx, a.auth)
	switch {
	case err != nil:
		return "", err
	case config == nil:
		return "", errNoConfig
	case config.RegistryToken != "":
		return "Bearer " + config.RegistryToken, nil
	case config.Username != "" && config.Password != "":
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(config.Username+":"+config.Password)), nil
	case config.Auth != "":
		return "Basic " + config.Auth, nil
	}
	return "", nil // an identity token is for a token server
}

// renew meets a challenge and returns how. If somebody else has done so since the caller looked, it
// returns that.
func (a *authorized) renew(ctx context.Context, seen *authorization, c challenge) (*authorization, error) {
	if a.renewing.Acquire(ctx, 1) != nil {
		return nil, context.Cause(ctx)
	}
	defer a.renewing.Release(1)
	if current := a.current.Load(); current != seen {
		return current, nil
	}
	met, err := a.meet(ctx, seen.challenge.updated(c))
	if err == nil {
		a.current.Store(met)
	}
	return met, err
}

// updated returns the challenge that takes the place of c. Where the later one does not name a
// token server, as it only says what is wrong with a token, that is the one of the earlier.
func (c challenge) updated(later challenge) challenge {
	if later.parameters["realm"] != "" || !c.isBearer() || !later.isBearer() {
		return later
	}
	parameters := map[string]string{"realm": c.parameters["realm"], "service": c.parameters["service"]}
	if scope := later.parameters["scope"]; scope != "" {
		parameters["scope"] = scope
	}
	return challenge{later.scheme, parameters}
}

// meet gets a token, if the challenge is for one.
func (a *authorized) meet(ctx context.Context, c challenge) (*authorization, error) {
	if !c.isBearer() {
		return &authorization{challenge: c}, nil
	}
	if a.untrusted {
		return nil, fmt.Errorf("%w: %s does not respond over https, and requires a token over http "+
			"(use https, or allow it with WithPlainHTTP, --plain-http)", errdef.ErrInsecure, a.registry)
	}
	if realm := c.parameters["realm"]; a.scheme == "https" && strings.HasPrefix(strings.ToLower(realm), "http:") {
		return nil, fmt.Errorf("%w: %s names a token server that is reached over http", errdef.ErrInsecure, a.registry)
	}
	scopes := []string{a.scope}
	if scope := c.parameters["scope"]; scope != "" && !slices.Contains(scopes, scope) {
		scopes = []string{scope, a.scope} // some token servers look at the first one only
	}
	token, issued, err := a.client.exchange(ctx, exchange{
		registry: a.registry, auth: a.auth, base: a.base, scopes: scopes, challenge: c.transport(a.scheme == "http"),
	})
	if err != nil {
		return nil, err
	}
	return &authorization{c, token, issued}, nil
}

// canSendAgain reports whether a request that was sent has no body, or one that package retry can
// open again.
func canSendAgain(in *http.Request) bool {
	return in.Body == nil || in.Body == http.NoBody || in.GetBody != nil
}

func closeBody(in *http.Request) {
	if in.Body != nil {
		_ = in.Body.Close() // a RoundTripper must close it, even on errors
	}
}

// isAnonymous reports whether an authenticator is for anonymous access.
func isAnonymous(auth authn.Authenticator) bool { return auth == authn.Anonymous }
