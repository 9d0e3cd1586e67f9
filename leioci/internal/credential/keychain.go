// Package credential finds a registry's credentials where docker and podman keep them. It is the
// mechanism behind leioci.DefaultKeychain, whose documentation gives the order, the match and the
// handling of credential helpers.
//
// It matches registries as docker/cli does, and talks to helpers with docker-credential-helpers. It
// adds what go-containerregistry's keychain lacks:
//
//   - a malformed entry or an unreadable home that concerns only those who need it;
//   - an order that does not depend on which files exist;
//   - matching that does not depend on the order of a map;
//   - helpers that end with their context and do not wait for each other;
//   - a record of where credentials came from.
package credential

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
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
	// RunDir is where podman keeps the credentials of users who have no XDG_RUNTIME_DIR, in
	// containers/UID/auth.json. The default is /run on Linux, and nowhere on other systems.
	RunDir string
}

// Keychain implements [authn.Keychain] and [authn.ContextKeychain]. It is safe for concurrent use.
type Keychain struct {
	environ func() []string
	places  func(environ) []place
	runs    runs
}

// Default returns a keychain that looks in all of docker's and podman's places, in order.
func Default(o Options) *Keychain {
	if o.RunDir == "" && runtime.GOOS == "linux" {
		o.RunDir = "/run"
	}
	return o.keychain(func(env environ) []place { return defaultPlaces(env, o.RunDir) })
}

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
	switch {
	case ctx == nil:
		return nil, errors.New("find credentials: context: nil")
	case target == nil:
		return nil, errors.New("find credentials: target: nil")
	}
	env, scope := environ(k.environ()), scopeOf(target)
	for _, p := range k.places(env) {
		a, finding := k.lookUp(ctx, env, p, scope)
		if finding.Err != nil {
			return nil, finding.Err
		}
		if a != nil {
			return a, nil
		}
	}
	return authn.Anonymous, nil
}

// Forgetter is implemented by a keychain that caches credentials and can be told that some were
// refused.
type Forgetter interface {
	Forget(target authn.Resource, used authn.Authenticator)
}

// Forget drops the cached helper answers for target's registry, so that the next lookup runs the
// helpers again. Call it when the registry has refused used, which ResolveContext returned. If
// another caller has run the helper again since, or target is nil, Forget does nothing.
func (k *Keychain) Forget(target authn.Resource, used authn.Authenticator) {
	if target == nil {
		return
	}
	a, ok := used.(*authenticator)
	if !ok {
		k.runs.forget(scopeOf(target).host, nil)
	} else if a.answer != nil {
		k.runs.forget(scopeOf(target).host, a.answer)
	}
}

// lookUp returns a place's credentials for target, or nil if it has none, and describes the place.
func (k *Keychain) lookUp(ctx context.Context, env environ, p place, target scope) (*authenticator, Finding) {
	f := Finding{Place: p.name, Config: p.path}
	if p.unset {
		return nil, f
	}
	cfg, err := p.read()
	switch {
	case p.absent(err):
		return nil, f
	case p.unreachable(err):
		f.Unreachable = errors.Unwrap(err)
		return nil, f
	case err == nil && cfg == nil:
		return nil, f
	}
	f.Present = true
	if err != nil {
		f.Err = err
		return nil, f
	}
	a, err := k.find(ctx, env, p, cfg, target)
	if err != nil {
		f.Err = err
	} else if a != nil {
		f.Source = &a.source
	}
	return a, f
}

// find returns a configuration's credentials for target, or nil if it has none.
func (k *Keychain) find(
	ctx context.Context, env environ, p place, cfg *configuration, target scope,
) (*authenticator, error) {
	for _, c := range cfg.candidates(target) {
		if c.err != nil {
			return nil, &ConfigError{p.config(), c.err}
		}
		r, err := k.runs.ask(ctx, env, c.query)
		if err != nil {
			return nil, newHelperError(err, c, p)
		}
		if r.creds != nil {
			a := newAuthenticator(authConfig(r.creds), Source{Config: p.config(), Key: c.key, Helper: c.program()})
			a.answer = r
			return a, nil
		}
	}
	entries := cfg.entries(target)
	key := match(entries, target)
	if key == "" {
		return nil, nil
	}
	if err := entries[key].err; err != nil {
		return nil, &ConfigError{p.config(), fmt.Errorf("entry %q: %w", withoutUser(key), err)}
	}
	return newAuthenticator(entries[key].auth, Source{Config: p.config(), Key: withoutUser(key)}), nil
}
