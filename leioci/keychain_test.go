package leioci_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/lowendinsight/lei-go/leioci"
)

func TestKeychainsReadTheEnvironmentOfTheProcess(t *testing.T) {
	dir := t.TempDir()
	config := []byte(`{"auths":{"ghcr.io/org":{"auth":"Ym9iOnMzY3JldA=="}}}`)
	if err := os.WriteFile(filepath.Join(dir, "config.json"), config, 0o600); err != nil {
		t.Fatal(err)
	}
	org, other := parse(t, "ghcr.io/org/lei-cache"), parse(t, "ghcr.io/other/lei-cache")
	byDefault, given := leioci.DefaultKeychain(), leioci.DockerConfigKeychain(dir)
	if auth, err := byDefault.Resolve(org); auth != authn.Anonymous || err != nil {
		t.Errorf("without any configuration: got %v, %v", auth, err)
	}
	t.Setenv("DOCKER_CONFIG", dir)
	for _, k := range []leioci.Keychain{byDefault, given} {
		auth, err := k.ResolveContext(t.Context(), org)
		if err != nil {
			t.Fatal(err)
		}
		got, err := auth.Authorization()
		if err != nil || *got != (authn.AuthConfig{Username: "bob", Password: "s3cret"}) {
			t.Errorf("got %+v, %v", got, err)
		}
		if auth, err := k.Resolve(other); auth != authn.Anonymous || err != nil {
			t.Errorf("got %v, %v", auth, err)
		}
	}
}

func parse(t *testing.T, s string) authn.Resource {
	t.Helper()
	repo, err := leioci.ParseRepository(s)
	if err != nil {
		t.Fatal(err)
	}
	return repo
}

func TestWhatAKeychainReturnsCanBeToldFromOutside(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "config.json")
	content := `{"credHelpers":{"helped.example":"absent"},"auths":{"bad.example":5,"ghcr.io":{"auth":"Ym9iOnMzY3JldA=="}}}`
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DOCKER_CONFIG", dir)
	for _, k := range []leioci.Keychain{leioci.DefaultKeychain(), leioci.DockerConfigKeychain(path)} {
		_, err := k.Resolve(parse(t, "bad.example/a/b"))
		var config *leioci.ConfigError
		if !errors.As(err, &config) || config.Config != path || config.Err == nil {
			t.Errorf("got %v", err)
		}
		_, err = k.Resolve(parse(t, "helped.example/a/b"))
		var helper *leioci.HelperError
		if !errors.As(err, &helper) || !errors.Is(helper.Err, exec.ErrNotFound) ||
			helper.Config != path || helper.Helper != "docker-credential-absent" || helper.Registry != "helped.example" || helper.Said != "" {
			t.Errorf("got %v", err)
		}
		auth, err := k.Resolve(parse(t, "ghcr.io/a/b"))
		if err != nil {
			t.Fatal(err)
		}
		want := leioci.CredentialSource{Config: path, Key: "ghcr.io", Username: "bob", Kind: "password"}
		if sourced, ok := auth.(leioci.SourcedAuthenticator); !ok || sourced.Source() != want {
			t.Errorf("got %v", auth)
		}
		forgetter, ok := k.(leioci.Forgetter)
		if !ok {
			t.Fatalf("%T cannot forget", k)
		}
		forgetter.Forget(parse(t, "ghcr.io/a/b"), auth)
	}
}

func TestAKeychainSaysWhatIsNil(t *testing.T) {
	t.Setenv("DOCKER_AUTH_CONFIG", `{"credsStore":"none"}`) // a helper runs under the context
	k := leioci.DefaultKeychain()
	var none context.Context
	registry, err := name.NewRegistry("ghcr.io")
	if err != nil {
		t.Fatal(err)
	}
	for call, resolve := range map[string]func() (authn.Authenticator, error){
		"target":               func() (authn.Authenticator, error) { return k.Resolve(nil) },
		"target, as a context": func() (authn.Authenticator, error) { return k.ResolveContext(t.Context(), nil) },
		"context":              func() (authn.Authenticator, error) { return k.ResolveContext(none, registry) },
	} {
		what, _, _ := strings.Cut(call, ",")
		if _, err := resolve(); err == nil || !strings.Contains(err.Error(), what+": nil") {
			t.Errorf("%s: got %v", call, err)
		}
	}
	k.(leioci.Forgetter).Forget(nil, authn.Anonymous)
}
