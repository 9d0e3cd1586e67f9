// Package credential finds a registry's credentials where docker and podman keep them. It is the mechanism behind
// leioci.DefaultKeychain, whose documentation gives the order, the match and the handling of credential helpers.
//
// Reading is docker/cli's, and talking to helpers docker-credential-helpers'. What is added is what go-containerregistry's
// keychain leaves open: an order that does not depend on which files exist, a match that does not depend on the order
// of a map, helpers that end with their context and wait for nobody, and an account of where credentials came from.
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

// Options are what a keychain takes from its surroundings. The zero value is the process's own.
type Options struct {
	// Environ is asked at each look-up for the environment, in which credentials are looked for and helpers are
	// found and run. The default is [os.Environ].
	Environ func() []string
	// Timeout bounds each run of a helper. The default is [DefaultTimeout].
	Timeout time.Duration
	// Lifetime is how long a helper's answer is kept. The default is [DefaultLifetime].
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

// Default looks everywhere, in order.
func Default(o Options) *Keychain { return o.keychain(defaultPlaces) }

// Config looks into one configuration file, or into the config.json of one directory.
func Config(path string, o Options) *Keychain {
	return o.keychain(func(environ) []place { return []place{given(path)} })
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
	return &Keychain{o.Environ, places, runs{timeout: o.Timeout, lifetime: o.Lifetime, now: o.Now, running: map[question]*run{}}}
}

// Resolve is [Keychain.ResolveContext] without a context: a helper has the timeout only.
func (k *Keychain) Resolve(target authn.Resource) (authn.Authenticator, error) {
	return k.ResolveContext(context.Background(), target)
}

// ResolveContext returns the credentials for target as a [Sourced], or [authn.Anonymous] where there are none.
// The error is a [*ConfigError] or a [*HelperError], or the context's.
func (k *Keychain) ResolveContext(ctx context.Context, target authn.Resource) (authn.Authenticator, error) {
	env := environ(k.environ())
	for _, p := range k.places(env) {
		f, _, err := k.look(ctx, env, p, scopeOf(target))
		if err != nil {
			return nil, err
		}
		if f != nil {
			return f, nil
		}
	}
	return authn.Anonymous, nil
}

// Forget drops what helpers answered for target's registry, so that the next look-up asks them again. It is for when
// the registry refused used, which ResolveContext returned: where another caller has asked them since, it does nothing.
func (k *Keychain) Forget(target authn.Resource, used authn.Authenticator) {
	f, ok := used.(*found)
	if !ok {
		k.runs.forget(scopeOf(target).host, nil)
	} else if f.answer != nil {
		k.runs.forget(scopeOf(target).host, f.answer)
	}
}

// look returns what a place has for target, or nil, and whether the place is there at all.
func (k *Keychain) look(ctx context.Context, env environ, p place, target scope) (f *found, present bool, err error) {
	if p.unset {
		return nil, false, nil
	}
	cfg, err := p.read()
	if err != nil || cfg == nil {
		return nil, err != nil, err
	}
	for _, a := range asked(cfg, target) {
		r, err := k.runs.ask(ctx, env, a.question)
		if err != nil {
			return nil, true, newHelperError(err, a, p)
		}
		if r.creds != nil {
			f := newFound(authConfig(r.creds), Source{Config: p.config(), Key: a.key, Helper: a.program()})
			f.answer = r
			return f, true, nil
		}
	}
	entries := auths(cfg)
	if key := match(entries, target); key != "" {
		a := entries[key]
		return newFound(authn.AuthConfig{
			Username: a.Username, Password: a.Password, IdentityToken: a.IdentityToken, RegistryToken: a.RegistryToken,
		}, Source{Config: p.config(), Key: key}), true, nil
	}
	return nil, true, nil
}
