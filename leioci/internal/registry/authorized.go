package registry

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"golang.org/x/sync/semaphore"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/limit"
	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/retry"
)

// authorized sends a session's requests with what the registry requires of them, and follows it
// when that changes: a token that has expired or does not allow enough, another scheme, another
// token server. It does so once for each request.
//
// There is no request that only asks what is required. The first of a session is sent without
// credentials, and a challenge in the response is met. Where a registry requires nothing, it is
// shown nothing. But some hide from the anonymous what there is, without a challenge: if there are
// credentials, such a registry is asked once how to authenticate ([authorized.ask]), and then shown
// them.
//
// It stands in for go-containerregistry's bearer and basic transports, which keep to the challenge
// that they were made with. The former also writes a replaced identity token without a lock
// (v0.22.1, remote/transport/bearer.go).
type authorized struct {
	client *Client
	base   http.RoundTripper
	repo   name.Repository
	usual  string // the scheme by which the registry is reached, as its name tells
	with   credentials
	scope  string
	origin atomic.Pointer[origin] // nil until it is known

	renewing *semaphore.Weighted           // held by whoever replaces current; the others wait, or leave with their context
	current  atomic.Pointer[authorization] // nil before anything is known
	first    first
	renewal  first     // the last failure to replace current
	begun    time.Time // when something was known; written once, before current
}

// An authorization is a challenge, met. It does not change.
type authorization struct {
	challenge challenge
	token     string // if the challenge is for one
	issued    bool   // a token server issued the token, which is new even if it looks the same
	silent    bool   // nothing was required so far, and nothing is shown
}

// RoundTrip implements [http.RoundTripper].
func (a *authorized) RoundTrip(in *http.Request) (*http.Response, error) {
	if a.client.config.canonicalHost(in.URL.Host) != a.repo.RegistryStr() {
		return a.elsewhere(in)
	}
	ctx, current := in.Context(), a.current.Load()
	if current == nil {
		return a.begin(in)
	}
	header, err := a.header(ctx, current)
	if err != nil {
		closeBody(in)
		return nil, err
	}
	resp, err := a.send(in, a.scheme(), header)
	if err != nil {
		return nil, err
	}
	_, challenged := challengeOf(resp)
	hidden := current.silent && hides(resp) && !isAnonymous(a.with.auth)
	if !challenged && !hidden || !canSendAgain(in) || tidiesUp(in) {
		return resp, nil
	}
	renewed, err := a.renew(ctx, current, resp)
	if err == nil && renewed == nil {
		return resp, nil
	}
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
	return a.send(in, a.scheme(), again)
}

// send sends a request to the registry. It does not change in.
func (a *authorized) send(in *http.Request, scheme, header string) (*http.Response, error) {
	if header == "" && in.URL.Scheme == scheme && in.URL.Host == a.repo.RegistryStr() {
		return a.base.RoundTrip(in) // nothing to change
	}
	req := in.Clone(in.Context())
	if req.Host == req.URL.Host {
		req.Host = a.repo.RegistryStr()
	}
	req.URL.Scheme, req.URL.Host = scheme, a.repo.RegistryStr()
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
	if current.silent || isAnonymous(a.with.auth) {
		return "", nil
	}
	config, err := authn.Authorization(ctx, a.with.auth)
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

// renew does what a response asks for and returns what to show now. If somebody else has done so
// since the caller looked, it returns that. It returns nil if there is nothing to be done.
//
// Where a server is away, those who wait get the same failure instead of asking it one after the
// other: each of them may have to wait for as long as it takes to give up.
func (a *authorized) renew(ctx context.Context, seen *authorization, resp *http.Response) (*authorization, error) {
	before := a.renewal.failures.Load()
	if a.renewing.Acquire(ctx, 1) != nil {
		return nil, context.Cause(ctx)
	}
	defer a.renewing.Release(1)
	if current := a.current.Load(); current != seen {
		return current, nil
	}
	if a.renewal.failures.Load() != before {
		_, err := a.renewal.again(ctx) //nolint:bodyclose // there is no response, but an error
		return nil, err
	}
	met, err := a.react(ctx, seen, resp)
	switch {
	case err == nil && met != nil:
		a.current.Store(met)
	case retry.IsRetryable(err) && ctx.Err() == nil:
		a.renewal.failed(ctx, nil, err)
	}
	return met, err
}

// react meets a response's challenge. Where there is none, but somebody with credentials might have
// got another response, it asks what the registry requires. It returns nil if neither is the case.
func (a *authorized) react(ctx context.Context, seen *authorization, resp *http.Response) (*authorization, error) {
	if c, ok := challengeOf(resp); ok {
		return a.meet(ctx, seen.challenge.updated(c))
	}
	if seen.silent && hides(resp) && !a.with.empty(ctx) && !wantsLess(resp) {
		return a.ask(ctx)
	}
	return nil, nil
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
	met, err := a.meetBearer(limit.Answer(ctx, manifest.MaxBytes), c) // what ctx allows is for the request that waits for this
	if err != nil {
		return nil, &whole{fmt.Errorf("authenticate with %s: %w", a.repo.RegistryStr(), err)}
	}
	return met, nil
}

func (a *authorized) meetBearer(ctx context.Context, c challenge) (*authorization, error) {
	o := a.origin.Load()
	if o.untrusted {
		return nil, fmt.Errorf("%w: %s does not respond over https, and requires a token over http "+
			"(use https, or allow it with %w)", errdef.ErrInsecure, a.repo.Registry, errdef.PlainHTTP)
	}
	if realm := c.parameters["realm"]; o.scheme == "https" && strings.HasPrefix(strings.ToLower(realm), "http:") {
		return nil, fmt.Errorf("%w: %s names a token server that is reached over http", errdef.ErrInsecure, a.repo.Registry)
	}
	scopes := []string{a.scope}
	if scope := c.parameters["scope"]; scope != "" && !covers(a.scope, scope) {
		scopes = []string{scope, a.scope} // some token servers look at the first one only
	}
	token, issued, err := a.client.exchange(ctx, exchange{
		registry: a.repo.Registry, auth: a.with.auth, base: a.base, scopes: scopes, challenge: c.transport(o.scheme == "http"),
	})
	if err != nil {
		return nil, err
	}
	return &authorization{challenge: c, token: token, issued: issued}, nil
}

// canSendAgain reports whether a request that was sent has no body, or one that package retry can
// open again.
func canSendAgain(in *http.Request) bool {
	return in.Body == nil || in.Body == http.NoBody || in.GetBody != nil
}

// tidiesUp reports whether a request only ends what is not needed. That is not worth another token:
// one for it may not allow what the other requests of the session need.
func tidiesUp(in *http.Request) bool { return in.Method == http.MethodDelete }

func closeBody(in *http.Request) {
	if in.Body != nil {
		_ = in.Body.Close() // a RoundTripper must close it, even on errors
	}
}

// isAnonymous reports whether an authenticator is for anonymous access.
func isAnonymous(auth authn.Authenticator) bool { return auth == authn.Anonymous }
