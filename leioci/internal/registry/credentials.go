package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"golang.org/x/sync/semaphore"

	"github.com/lowendinsight/lei-go/leioci/internal/credential"
	"github.com/lowendinsight/lei-go/leioci/internal/retry"
)

// credentials are what a session authenticates with.
type credentials struct {
	auth   authn.Authenticator
	source string // where they come from, for messages
	stored bool   // read from the keychain, and possibly outdated
	given  bool   // configured for this registry: nothing else is looked up
}

// Shown is attached to the error of a request whose credentials were refused (errdef.NoteOf).
type Shown struct {
	// Registry is the host that refused them.
	Registry string
	// Source says where the credentials come from.
	Source string
	// Given is set if the credentials were configured for this registry. Those take precedence over
	// any that are stored.
	Given bool
}

func (c credentials) shown(repo name.Repository) Shown {
	return Shown{Registry: repo.RegistryStr(), Source: c.source, Given: c.given}
}

// empty reports whether there is nothing to show a registry.
func (c credentials) empty(ctx context.Context) bool {
	if isAnonymous(c.auth) {
		return true
	}
	config, err := authorizationOf(ctx, c.auth)
	return err == nil && *config == authn.AuthConfig{}
}

// anonymous are no credentials. why says how it came to that.
func anonymous(why string) credentials { return credentials{auth: authn.Anonymous, source: why} }

// credentials finds the credentials for a session. A credential helper or configuration that fails
// is an error for a push; a pull falls back to anonymous access, since many repositories are
// public.
func (c *Client) credentials(ctx context.Context, key sessionKey) (credentials, error) {
	repo := key.repository
	if auth, ok := c.config.Auths[c.config.canonicalHost(repo.RegistryStr())]; ok {
		return credentials{auth: check(auth), source: "the credentials given for " + repo.RegistryStr(), given: true}, nil
	}
	auth, err := c.resolve(ctx, repo)
	var helper *credential.HelperError
	var config *credential.ConfigError
	switch {
	case err == nil && isAnonymous(auth):
		return anonymous("no credentials, as none are stored"), nil
	case err == nil:
		s := newStored(auth, func(ctx context.Context) (authn.Authenticator, error) { return c.resolve(ctx, repo) })
		return credentials{auth: s, source: sourceOf(auth), stored: true}, nil
	case ctx.Err() == nil && key.scope == transport.PullScope && (errors.As(err, &helper) || errors.As(err, &config)):
		c.config.Log.Warnf("%v; reading %s without credentials", err, repo)
		return anonymous(fmt.Sprintf("no credentials, because %v", err)), nil
	default:
		return credentials{}, fmt.Errorf("find the credentials for %s: %w", repo.RegistryStr(), err)
	}
}

// sourceOf describes where credentials come from.
func sourceOf(auth authn.Authenticator) string {
	if s, ok := auth.(credential.Sourced); ok {
		return s.Source().String()
	}
	return "the keychain's credentials"
}

// resolve looks credentials up in the keychain. A keychain need not support contexts, so resolve
// returns when ctx ends even if the keychain has not; its result is then discarded.
func (c *Client) resolve(ctx context.Context, repo name.Repository) (authn.Authenticator, error) {
	results := start(func() (authn.Authenticator, error) { return authn.Resolve(ctx, c.config.Keychain, repo) })
	select {
	case r := <-results:
		return nonNil(r.value, r.err, c.config.Keychain)
	case <-ctx.Done():
	}
	if _, ours := c.config.Keychain.(*credential.Keychain); ours {
		// It kills its helper now. A process that exits before that leaves the helper behind.
		timer := time.NewTimer(killGrace)
		defer timer.Stop()
		select {
		case <-results:
		case <-timer.C: // it is the file system that hangs
		}
	}
	return nil, context.Cause(ctx)
}

// killGrace is longer than the keychain needs to end a helper.
const killGrace = 3 * time.Second

// forget lets the keychain look anew for credentials that a registry refused.
func (c *Client) forget(repo name.Repository, refused credentials) {
	keychain, ok := c.config.Keychain.(credential.Forgetter)
	if s, isStored := refused.auth.(*stored); ok && isStored {
		keychain.Forget(repo, s.latest())
	}
}

// storedLifetime is how long the result of a keychain lookup is used before it is repeated: some
// credentials are short-lived tokens made by a helper.
const storedLifetime = 5 * time.Minute

// stored is an authenticator that repeats the keychain lookup once its result has aged. Concurrent
// callers share one lookup.
type stored struct {
	resolve func(context.Context) (authn.Authenticator, error)
	asking  *semaphore.Weighted // held during a lookup; others wait, or leave when their context ends

	mu      sync.Mutex
	current authn.Authenticator
	asked   time.Time
}

func newStored(current authn.Authenticator, resolve func(context.Context) (authn.Authenticator, error)) *stored {
	return &stored{resolve: resolve, asking: semaphore.NewWeighted(1), current: current, asked: time.Now()}
}

// Authorization implements [authn.Authenticator].
func (s *stored) Authorization() (*authn.AuthConfig, error) {
	return s.AuthorizationContext(context.Background())
}

// AuthorizationContext implements [authn.ContextAuthenticator].
func (s *stored) AuthorizationContext(ctx context.Context) (*authn.AuthConfig, error) {
	if s.asking.Acquire(ctx, 1) != nil {
		return nil, context.Cause(ctx)
	}
	defer s.asking.Release(1)
	s.mu.Lock()
	current, aged := s.current, time.Since(s.asked) > storedLifetime
	s.mu.Unlock()
	if aged {
		var err error
		if current, err = s.resolve(ctx); err != nil {
			return nil, err
		}
		s.mu.Lock()
		s.current, s.asked = current, time.Now()
		s.mu.Unlock()
	}
	return authorizationOf(ctx, current)
}

// latest returns the result of the last keychain lookup.
func (s *stored) latest() authn.Authenticator {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// sameCredentials reports whether two credentials would present the same thing to a registry.
func sameCredentials(ctx context.Context, a, b credentials) bool {
	x, err := authorizationOf(ctx, a.auth)
	if err != nil {
		return false
	}
	y, err := authorizationOf(ctx, b.auth)
	return err == nil && reflect.DeepEqual(x, y)
}

// refused reports whether err is a response, from a registry or its token server, that refuses the
// client's identity. A 403 that only asks for less traffic is retryable and does not count, nor
// does the response of a storage that the registry redirects to, which does not know who is asking.
func refused(err error) bool {
	if err == nil {
		return false // as almost always: what follows is not free
	}
	var response *transport.Error
	_, elsewhere := RespondedElsewhere(err)
	return !elsewhere && errors.As(err, &response) && !retry.IsRetryable(response) &&
		hasStatus(response, http.StatusUnauthorized, http.StatusForbidden)
}

// unauthorized reports whether err is the response to missing or unknown credentials.
func unauthorized(err error) bool {
	var response *transport.Error
	return errors.As(err, &response) && response.StatusCode == http.StatusUnauthorized
}
