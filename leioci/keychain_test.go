package leioci_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"

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
