package credential_test

import (
	"context"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/lowendinsight/lei-go/leioci/internal/credential"
)

// outcome is the result of a lookup.
type outcome struct {
	auth authn.Authenticator
	err  error
}

// look resolves in the background.
func look(ctx context.Context, k *credential.Keychain, target authn.Resource) <-chan outcome {
	result := make(chan outcome, 1)
	go func() {
		auth, err := k.ResolveContext(ctx, target)
		result <- outcome{auth, err}
	}()
	return result
}

// config returns what was found, and fails the test if nothing was.
func (o outcome) config(t *testing.T) authn.AuthConfig {
	t.Helper()
	if o.err != nil {
		t.Fatal(o.err)
	}
	config, err := o.auth.Authorization()
	if err != nil {
		t.Fatal(err)
	}
	return *config
}
