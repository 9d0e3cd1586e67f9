package registry

import (
	"context"
	"fmt"
	"reflect"

	"github.com/google/go-containerregistry/pkg/authn"
)

// IsNil reports whether a value is nil, or an interface that holds a nil pointer or function.
// Calling the methods of these usually panics; those of a nil map or slice may well work.
func IsNil(value any) bool {
	v := reflect.ValueOf(value)
	switch v.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Func:
		return v.IsNil()
	default:
		return false
	}
}

// nonNil returns what a keychain returned, or an error if that is nothing.
func nonNil(auth authn.Authenticator, err error, from authn.Keychain) (authn.Authenticator, error) {
	if err == nil && IsNil(auth) {
		return nil, fmt.Errorf("keychain %T returned neither credentials nor an error; for none, it has to return authn.Anonymous", from)
	}
	return auth, err
}

// authorizationOf returns an authenticator's credentials. go-containerregistry uses them without
// checking for nil. The wait ends with ctx, even if the authenticator does not know of contexts.
func authorizationOf(ctx context.Context, auth authn.Authenticator) (*authn.AuthConfig, error) {
	var config *authn.AuthConfig
	var err error
	select {
	case r := <-start(func() (*authn.AuthConfig, error) { return authn.Authorization(ctx, auth) }):
		config, err = r.value, r.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if err == nil && config == nil {
		return nil, fmt.Errorf("authenticator %T returned neither credentials nor an error", auth)
	}
	return config, err
}

// result is what a function returned.
type result[T any] struct {
	value T
	err   error
}

// start runs a caller's function, which may not know of contexts, in a goroutine where the caller
// cannot recover from its panics. The channel has room for the result, so that the goroutine ends
// even if nobody waits for it any more.
func start[T any](do func() (T, error)) <-chan result[T] {
	results := make(chan result[T], 1)
	go func() {
		var r result[T]
		defer func() {
			if p := recover(); p != nil {
				r.err = fmt.Errorf("the keychain or authenticator panicked (%T)", p)
			}
			results <- r
		}()
		r.value, r.err = do()
	}()
	return results
}

// checked is an authenticator that never returns nil without an error.
type checked struct{ authn.Authenticator }

// check returns a checked authenticator. [authn.Anonymous] stays as it is, because it is recognized
// by its identity.
func check(auth authn.Authenticator) authn.Authenticator {
	if auth == authn.Anonymous {
		return auth
	}
	return checked{auth}
}

// Authorization implements [authn.Authenticator].
func (c checked) Authorization() (*authn.AuthConfig, error) {
	return c.AuthorizationContext(context.Background())
}

// AuthorizationContext implements [authn.ContextAuthenticator].
func (c checked) AuthorizationContext(ctx context.Context) (*authn.AuthConfig, error) {
	return authorizationOf(ctx, c.Authenticator)
}
