// Package credential finds a registry's credentials where docker and podman keep them. It is the
// mechanism behind leioci.DefaultKeychain, whose documentation gives the order, the match and the
// handling of credential helpers.
//
// It reads configurations with docker/cli, and talks to helpers with docker-credential-helpers. It
// adds what go-containerregistry's keychain lacks:
//
//   - an order that does not depend on which files exist;
//   - matching that does not depend on the order of a map;
//   - helpers that end with their context and do not wait for each other;
//   - a record of where credentials came from.
package credential

import (
	"context"
	"os"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
)

// The defaults of [Options].
const (
	DefaultTimeout  = 30 * time.Second
	DefaultLifetime = 5 * time.Minute
)

// Options configure a keychain. The zero value uses the process's environment and the defaults.
type Options struct {
	// Environ returns the environment for finding credentials, and for finding and running helpers.
	// It is called at each lookup. The default is [os.Environ].
	Environ func() []string
	// Timeout bounds each run of a helper. The default is [DefaultTimeout].
	Timeout time.Duration
	// Lifetime is how long a helper's answer is cached. The default is [DefaultLifetime].
	Lifetime time.Duration
	// Now is the clock for Lifetime. The default is [time.Now].
	Now func() time.Time
}

// Keychain implements [authn.Keychain] and [authn.ContextKeychain]. It is safe for concurrent use.
type Keychain struct {
	environ func() []string
	places  func(environ) []place
	runs    runs
}

// Default returns a keychain that looks in all of docker's and podman's places, in order.
func Default(o Options) *Keychain { return o.keychain(defaultPlaces) }

// Config returns a keychain that uses only one configuration file, or the config.json of one
// directory.
func Config(path string, o Options) *Keychain {
	return o.keychain(func(environ) []place { return []place{explicitPlace(path)} })
}

func (o Options) keychain(places func(environ) []place) *Keychain {
	if o.Environ == nil {
		o.Environ = os.Environ
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Lifetime <= 0 {
		o.Lifetime = DefaultLifetime
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Keychain{o.Environ, places, runs{
		timeout: o.Timeout, lifetime: o.Lifetime, now: o.Now, byQuery: map[query]*run{},
	}}
}

// Resolve is [Keychain.ResolveContext] without a context: only the timeout bounds a helper.
func (k *Keychain) Resolve(target authn.Resource) (authn.Authenticator, error) {
	return k.ResolveContext(context.Background(), target)
}

// ResolveContext returns the credentials for target as a [Sourced], or [authn.Anonymous] if there
// are none. The error is a [*ConfigError], a [*HelperError] or the context's.
func (k *Keychain) ResolveContext(ctx context.Context, target authn.Resource) (authn.Authenticator, error) {
	env := environ(k.environ())
	for _, p := range k.places(env) {
		a, _, err := k.lookUp(ctx, env, p, scopeOf(target))
		if err != nil {
			return nil, err
		}
		if a != nil {
			return a, nil
		}
	}
	return authn.Anonymous, nil
}

// Forget drops the cached helper answers for target's registry, so that the next lookup runs the
// helpers again. Call it when the registry has refused used, which ResolveContext returned. If
// another caller has run the helper again since, Forget does nothing.
func (k *Keychain) Forget(target authn.Resource, used authn.Authenticator) {
	a, ok := used.(*authenticator)
	if !ok {
		k.runs.forget(scopeOf(target).host, nil)
	} else if a.answer != nil {
		k.runs.forget(scopeOf(target).host, a.answer)
	}
}

// lookUp returns a place's credentials for target, or nil if it has none, and whether the place
// exists.
func (k *Keychain) lookUp(
	ctx context.Context, env environ, p place, target scope,
) (a *authenticator, present bool, err error) {
	if p.unset {
		return nil, false, nil
	}
	cfg, err := p.read()
	if err != nil || cfg == nil {
		return nil, err != nil, err
	}
	for _, c := range candidates(cfg, target) {
		r, err := k.runs.ask(ctx, env, c.query)
		if err != nil {
			return nil, true, newHelperError(err, c, p)
		}
		if r.creds != nil {
			a := newAuthenticator(authConfig(r.creds), Source{Config: p.config(), Key: c.key, Helper: c.program()})
			a.answer = r
			return a, true, nil
		}
	}
	entries := nonEmptyAuths(cfg)
	if key := match(entries, target); key != "" {
		e := entries[key]
		return newAuthenticator(authn.AuthConfig{
			Username: e.Username, Password: e.Password, IdentityToken: e.IdentityToken, RegistryToken: e.RegistryToken,
		}, Source{Config: p.config(), Key: key}), true, nil
	}
	return nil, true, nil
}
