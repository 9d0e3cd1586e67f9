package credential_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/lowendinsight/lei-go/leioci/internal/credential"
)

// The places, in order. Each file is below the directory of a test.
var layout = []struct{ file, variable, value string }{
	{"registry/auth.json", "REGISTRY_AUTH_FILE", "registry/auth.json"},
	{"", "DOCKER_AUTH_CONFIG", ""},
	{"docker/config.json", "DOCKER_CONFIG", "docker"},
	{"home/.docker/config.json", "HOME", "home"},
	{"run/containers/auth.json", "XDG_RUNTIME_DIR", "run"},
	{"xdg/containers/auth.json", "XDG_CONFIG_HOME", "xdg"},
}

func TestTheFirstPlaceWithAnEntryIsUsed(t *testing.T) {
	for first := range len(layout) + 1 {
		dir := t.TempDir()
		var env []string
		var want string
		for i, place := range layout {
			key := "ghcr.io"
			if i < first {
				key = "other.example" // the place is there, and has nothing for the target
			}
			value := filepath.Join(dir, place.value)
			if place.file == "" {
				value = auths(t, key)
			} else {
				write(t, dir, place.file, auths(t, key))
			}
			env = append(env, place.variable+"="+value, "USERPROFILE="+filepath.Join(dir, "home"))
			if i == first {
				want = filepath.Join(dir, place.file)
				if place.file == "" {
					want = place.variable
				}
			}
		}
		if got := source(t, credential.Default(environ(env...)), repository(t, "ghcr.io/org/repo")); got.Config != want {
			t.Errorf("place %d: got %s, want %s", first, got, want)
		}
	}
}

func TestAbsentPlacesAreSkipped(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, ".config/containers/auth.json", auths(t, "ghcr.io"))
	write(t, dir, ".docker/config.json", `{}`) // it does not hide the others
	absent := filepath.Join(dir, "absent")
	k := credential.Default(environ("HOME="+dir, "USERPROFILE="+dir, "REGISTRY_AUTH_FILE="+absent, "DOCKER_AUTH_CONFIG=",
		"DOCKER_CONFIG="+absent, "XDG_RUNTIME_DIR="+absent))
	if got := source(t, k, repository(t, "ghcr.io/org/repo")); got.Config != path {
		t.Errorf("got %s", got)
	}
}

func TestAccessIsAnonymousWithoutHomeAndEnvironment(t *testing.T) {
	for _, k := range []*credential.Keychain{
		credential.Default(environ()),
		credential.Default(credential.Options{}), // the process's own, which package testenv has emptied
		credential.Config(t.TempDir(), environ()),
		credential.Default(environ("REGISTRY_AUTH_FILE=" + os.DevNull)),
	} {
		for _, resolve := range []func(authn.Resource) (authn.Authenticator, error){
			k.Resolve,
			func(target authn.Resource) (authn.Authenticator, error) { return authn.Resolve(t.Context(), k, target) },
		} {
			if auth, err := resolve(repository(t, "ghcr.io/org/repo")); auth != authn.Anonymous || err != nil {
				t.Errorf("got %v, %v", auth, err)
			}
		}
	}
}

func TestAConfigurationIsReadAtEachLookUp(t *testing.T) {
	dir := t.TempDir()
	var env []string
	k := credential.Default(credential.Options{Environ: func() []string { return env }, RunDir: os.DevNull})
	for _, want := range []string{"a", "b"} {
		env = []string{"DOCKER_CONFIG=" + filepath.Join(dir, want)}
		path := write(t, dir, want+"/config.json", `{}`)
		if got := source(t, k, repository(t, "ghcr.io/org/repo")); got != (credential.Source{}) {
			t.Errorf("before the login: got %s", got)
		}
		write(t, dir, want+"/config.json", auths(t, "ghcr.io"))
		if got := source(t, k, repository(t, "ghcr.io/org/repo")); got.Config != path {
			t.Errorf("got %s, want %s", got, path)
		}
	}
}

func TestAGivenDirectoryOrFileIsTheOnlyPlace(t *testing.T) {
	home, dir := t.TempDir(), t.TempDir()
	write(t, home, ".docker/config.json", auths(t, "ghcr.io", "quay.io"))
	path := write(t, dir, "config.json", auths(t, "ghcr.io"))
	for _, given := range []string{dir, path} {
		k := credential.Config(given, environ("HOME="+home, "USERPROFILE="+home, "DOCKER_AUTH_CONFIG="+auths(t, "ghcr.io")))
		if got := source(t, k, repository(t, "ghcr.io/a/b")); got.Config != path {
			t.Errorf("%s: got %s", given, got)
		}
		if got := source(t, k, repository(t, "quay.io/a/b")); got != (credential.Source{}) {
			t.Errorf("%s: got %s", given, got)
		}
	}
}
