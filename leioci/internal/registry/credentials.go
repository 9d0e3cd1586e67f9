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
	stored bool   // they come from the keychain, where they may be outdated
	given  bool   // they were given for this registry: nothing else is looked up
}

// Shown is noted on the error of a request whose credentials were refused (errdef.NoteOf).
type Shown struct {
	// Registry is the host that refused them.
	Registry string
	// Source says where the credentials come from.
	Source string
	// Given: they were given for this registry, and come before any that are stored.
	Given bool
}

func (c credentials) shown(repo name.Repository) Shown {
	return Shown{Registry: repo.RegistryStr(), Source: c.source, Given: c.given}
}

// anonymous are no credentials. why says how it came to that.
func anonymous(why string) credentials { return credentials{auth: authn.Anonymous, source: why} }

// credentials finds those for a session. A credential helper or a configuration that fails is an error
// for a push; for a pull, anonymous access is tried, as much is public.
func (c *Client) credentials(ctx context.Context, key sessionKey) (credentials, error) {
	repo := key.repository
	if auth, ok := c.given(repo.RegistryStr()); ok {
		return credentials{auth: auth, source: "the credentials given for " + repo.RegistryStr() + " (WithAuth, WithToken, LEI_REGISTRY_TOKEN)", given: true}, nil
	}
	auth, err := c.resolve(ctx, repo)
	var helper *credential.HelperError
	var config *credential.ConfigError
	switch {
	case err == nil && auth == authn.Anonymous:
		return anonymous("no credentials, as none are stored for " + repo.RegistryStr()), nil
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

// resolve asks the keychain. Keychains need not know of contexts, so the wait for one ends with ctx even where the keychain
// goes on; what it finds then is dropped.
func (c *Client) resolve(ctx context.Context, repo name.Repository) (authn.Authenticator, error) {
	type result struct {
		auth authn.Authenticator
		err  error
	}
	results := make(chan result, 1) // with room, so that the keychain never waits for the caller
	go func() {
		auth, err := authn.Resolve(ctx, c.config.Keychain, repo)
		results <- result{auth, err}
	}()
	select {
	case r := <-results:
		return r.auth, r.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// forget lets the keychain look anew for credentials that a registry refused.
func (c *Client) forget(repo name.Repository, refused credentials) {
	keychain, ok := c.config.Keychain.(interface {
		Forget(authn.Resource, authn.Authenticator)
	})
	if s, isStored := refused.auth.(*stored); ok && isStored {
		keychain.Forget(repo, s.latest())
	}
}

// storedLifetime is how long a keychain's answer is used before it is asked again: some credentials are tokens that
// a helper makes anew.
const storedLifetime = 5 * time.Minute

// stored is an authenticator that asks the keychain again from time to time, for all who want to know at once.
type stored struct {
	resolve func(context.Context) (authn.Authenticator, error)
	asking  *semaphore.Weighted // whoever holds it asks; the others wait, or leave with their context

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
	return authn.Authorization(ctx, current)
}

// latest returns what the keychain said last.
func (s *stored) latest() authn.Authenticator {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// sameCredentials reports whether two credentials show a registry the same.
func sameCredentials(ctx context.Context, a, b credentials) bool {
	x, err := authn.Authorization(ctx, a.auth)
	if err != nil {
		return false
	}
	y, err := authn.Authorization(ctx, b.auth)
	return err == nil && reflect.DeepEqual(x, y)
}

// refused reports whether err is the response of a registry, or of its token server, that does not
// like who is asking. One that only wants less traffic may say so with a 403: that is retryable. A
// storage does not know who is asking.
func refused(err error) bool {
	var response *transport.Error
	_, elsewhere := RespondedElsewhere(err)
	return !elsewhere && errors.As(err, &response) && !retry.IsRetryable(response) &&
		hasStatus(response, http.StatusUnauthorized, http.StatusForbidden)
}
