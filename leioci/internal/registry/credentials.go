package leioci

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

	"github.com/lowendinsight/lei-go/leioci/internal/credential"
	"github.com/lowendinsight/lei-go/leioci/internal/retry"
)

// A login is what a session authenticates with.
type login struct {
	auth   authn.Authenticator
	source string // where it comes from, for messages
	stored bool   // it comes from the keychain, where it may have been left behind
	given  bool   // it was given for this registry: nothing else is looked for
}

// anonymous is the login without credentials. why says how it came to that.
func anonymous(why string) login { return login{auth: authn.Anonymous, source: why} }

// login finds the credentials for repo. A credential helper or a configuration that fails is an error where something is
// to be changed; to read, access without credentials is tried, as much is public.
func (c *Client) login(ctx context.Context, repo name.Repository, scope string) (login, error) {
	if auth, ok := c.auths[repo.RegistryStr()]; ok {
		return login{auth: auth, source: "the credentials given for " + repo.RegistryStr() + " (WithAuth, WithToken, LEI_REGISTRY_TOKEN)", given: true}, nil
	}
	auth, err := c.resolve(ctx, repo)
	var helper *credential.HelperError
	var config *credential.ConfigError
	switch {
	case err == nil && auth == authn.Anonymous:
		return anonymous("no credentials, as none are stored for " + repo.RegistryStr()), nil
	case err == nil:
		s := newStored(auth, func(ctx context.Context) (authn.Authenticator, error) { return c.resolve(ctx, repo) })
		return login{auth: s, source: sourceOf(auth), stored: true}, nil
	case ctx.Err() == nil && scope == transport.PullScope && (errors.As(err, &helper) || errors.As(err, &config)):
		c.log.Warnf("%v; reading %s without credentials", err, repo)
		return anonymous(fmt.Sprintf("no credentials, because %v", err)), nil
	default:
		return login{}, fmt.Errorf("find the credentials for %s: %w", repo.RegistryStr(), err)
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
	type answer struct {
		auth authn.Authenticator
		err  error
	}
	answers := make(chan answer, 1) // with room, so that nobody has to wait for it
	go func() {
		auth, err := authn.Resolve(ctx, c.keychain, repo)
		answers <- answer{auth, err}
	}()
	select {
	case a := <-answers:
		return a.auth, a.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// forget lets the keychain look anew for credentials that a registry refused.
func (c *Client) forget(repo name.Repository, refused login) {
	keychain, ok := c.keychain.(interface {
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
	turn    turn // whoever holds it asks; the others wait, or leave with their context

	mu      sync.Mutex
	current authn.Authenticator
	at      time.Time
}

func newStored(current authn.Authenticator, resolve func(context.Context) (authn.Authenticator, error)) *stored {
	return &stored{resolve: resolve, turn: newTurn(), current: current, at: time.Now()}
}

// Authorization implements [authn.Authenticator].
func (s *stored) Authorization() (*authn.AuthConfig, error) {
	return s.AuthorizationContext(context.Background())
}

// AuthorizationContext implements [authn.ContextAuthenticator].
func (s *stored) AuthorizationContext(ctx context.Context) (*authn.AuthConfig, error) {
	if err := s.turn.take(ctx); err != nil {
		return nil, err
	}
	defer s.turn.give()
	s.mu.Lock()
	current, aged := s.current, time.Since(s.at) > storedLifetime
	s.mu.Unlock()
	if aged {
		var err error
		if current, err = s.resolve(ctx); err != nil {
			return nil, err
		}
		s.mu.Lock()
		s.current, s.at = current, time.Now()
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

// sameLogin reports whether two logins show a registry the same.
func sameLogin(ctx context.Context, a, b login) bool {
	x, err := authn.Authorization(ctx, a.auth)
	if err != nil {
		return false
	}
	y, err := authn.Authorization(ctx, b.auth)
	return err == nil && reflect.DeepEqual(x, y)
}

// refused reports whether err is the answer of a registry, or of its token server, that does not like who is asking. One
// that only wants less traffic may say so with a 403: that passes.
func refused(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && !retry.IsPassing(answer) && (answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden)
}

// loginError is the error of a request, with the login that it was made with.
type loginError struct {
	login    login
	registry string
	err      error
}

func (e *loginError) Error() string { return e.err.Error() }
func (e *loginError) Unwrap() error { return e.err }
