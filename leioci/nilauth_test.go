package leioci_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// nothing is an authenticator that returns nothing, and no error.
type nothing struct{}

func (nothing) Authorization() (*authn.AuthConfig, error) { return nil, nil }

// pullAndPush returns the errors of reading and of writing.
func pullAndPush(t *testing.T, c *leioci.Client, reg *leiocitest.Registry) []error {
	t.Helper()
	repo := repository(t, reg)
	_, pull := c.PullManifest(t.Context(), repo.Tag("latest"))
	manifest, blobs := sample(t)
	_, push := c.Push(t.Context(), repo, []string{"latest"}, manifest, blobs)
	return []error{pull, push}
}

func TestNothingForCredentialsIsAnErrorThatNamesWhoReturnedIt(t *testing.T) {
	basic := leiocitest.Serve(t, leiocitest.BasicAuth("bob", "right", leiocitest.NewHandler()))
	tokens := leiocitest.NewTokenServer(t, leiocitest.TokenConfig{Users: map[string]string{"bob": "right"}, Policy: private})
	token := leiocitest.Serve(t, tokens.Protect(leiocitest.NewHandler()))
	var none *authn.Basic
	for name, tc := range map[string]struct {
		option func(registry string) leioci.Option
		says   string
	}{
		"a keychain without an authenticator":  {func(string) leioci.Option { return leioci.WithKeychain(keychain{}) }, "keychain leioci_test.keychain returned neither"},
		"a keychain with a nil pointer":        {func(string) leioci.Option { return leioci.WithKeychain(keychain{none}) }, "keychain leioci_test.keychain returned neither"},
		"a keychain with empty credentials":    {func(string) leioci.Option { return leioci.WithKeychain(keychain{nothing{}}) }, "authenticator leioci_test.nothing returned neither"},
		"empty credentials for the registry":   {func(r string) leioci.Option { return leioci.WithAuth(r, nothing{}) }, "authenticator leioci_test.nothing returned neither"},
		"a composed keychain without anything": {func(string) leioci.Option { return leioci.WithKeychain(authn.NewMultiKeychain(keychain{})) }, "returned neither"},
	} {
		for _, reg := range []*leiocitest.Registry{basic, token} {
			for _, err := range pullAndPush(t, newClient(t, once(), tc.option(reg.Host())), reg) {
				if err == nil || !strings.Contains(err.Error(), tc.says) {
					t.Errorf("%s: got %v", name, err)
				}
			}
		}
	}
}

// A keychain that has something only the first time.
type tired struct{ asked int }

func (k *tired) Resolve(authn.Resource) (authn.Authenticator, error) {
	if k.asked++; k.asked > 1 {
		return nil, nil
	}
	return &authn.Basic{Username: "bob", Password: "wrong"}, nil
}

func (*tired) Forget(authn.Resource, authn.Authenticator) {}

func TestNothingForRefusedCredentialsLeavesTheRefusal(t *testing.T) {
	reg := leiocitest.Serve(t, leiocitest.BasicAuth("bob", "right", leiocitest.NewHandler()))
	c := newClient(t, once(), leioci.WithKeychain(&tired{}))
	if _, err := c.PullManifest(t.Context(), repository(t, reg).Tag("latest")); !errors.Is(err, leioci.ErrUnauthorized) {
		t.Errorf("got %v", err)
	}
}

// pointers implement the interfaces of options, and have no value.
type pointer struct{ authn.Authenticator }

func (p *pointer) Resolve(authn.Resource) (authn.Authenticator, error) { return p.Authenticator, nil }

func TestNewRefusesANilPointerInAnInterface(t *testing.T) {
	for name, option := range map[string]leioci.Option{
		"credentials": leioci.WithAuth("ghcr.io", (*authn.Basic)(nil)),
		"keychain":    leioci.WithKeychain((*pointer)(nil)),
		"transport":   leioci.WithTransport((*http.Transport)(nil)),
		"logger":      leioci.WithLogger((*logrus.Logger)(nil)),
	} {
		if _, err := leioci.New(option); err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "nil") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// hanging is an authenticator that does not know of contexts.
type hanging struct {
	asked   func()
	release <-chan struct{}
}

func (h hanging) Authorization() (*authn.AuthConfig, error) {
	h.asked()
	<-h.release
	return &authn.AuthConfig{}, nil
}

func TestTheWaitForAnAuthenticatorEndsWithItsContext(t *testing.T) {
	reg := leiocitest.Serve(t, leiocitest.BasicAuth("bob", "right", leiocitest.NewHandler()))
	release := make(chan struct{})
	defer close(release)
	for _, option := range []func(authn.Authenticator) leioci.Option{
		func(a authn.Authenticator) leioci.Option { return leioci.WithAuth(reg.Host(), a) },
		func(a authn.Authenticator) leioci.Option { return leioci.WithKeychain(keychain{a}) },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := newClient(t, once(), option(hanging{cancel, release})).PullManifest(ctx, repository(t, reg).Tag("latest")); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
}
