package credential_test

import (
	"path/filepath"
	"reflect"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/credential"
)

func TestEveryPlaceIsExplained(t *testing.T) {
	d, dir := newDirector(t, "store"), t.TempDir()
	d.always(t, says("helped"))
	docker := write(t, dir, ".docker/config.json", `{"credsStore":"store"}`)
	podman := write(t, dir, ".config/containers/auth.json", auths(t, "ghcr.io"))
	broken := write(t, dir, "run/containers/auth.json", `s3cret`)
	registry := write(t, dir, "registry.json", "") // as podman's is before the first login
	absent := filepath.Join(dir, "absent")
	k := credential.Default(d.options("HOME="+dir, "USERPROFILE="+dir, "REGISTRY_AUTH_FILE="+registry, "DOCKER_CONFIG="+absent,
		"XDG_RUNTIME_DIR="+filepath.Join(dir, "run")))
	got := k.Explain(t.Context(), repository(t, "ghcr.io/a/b"))
	if len(got) != 6 || got[4].Err == nil {
		t.Fatalf("got %+v", got)
	}
	got[4].Err = nil
	want := []credential.Finding{
		{Place: "REGISTRY_AUTH_FILE", Config: registry, Present: true},
		{Place: "DOCKER_AUTH_CONFIG"},
		{Place: "DOCKER_CONFIG", Config: filepath.Join(absent, "config.json")},
		{Place: "docker, home directory", Config: docker, Present: true, Decides: true, Source: &credential.Source{
			Config: docker, Key: "ghcr.io", Helper: "docker-credential-store", Username: "helped", Kind: "password",
		}},
		{Place: "podman, XDG_RUNTIME_DIR", Config: broken, Present: true},
		{Place: "podman, XDG_CONFIG_HOME or home directory", Config: podman, Present: true, Source: &credential.Source{
			Config: podman, Key: "ghcr.io", Username: "user of ghcr.io", Kind: "password",
		}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestTheFirstErrorDecides(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, ".docker/config.json", auths(t, "ghcr.io"))
	k := credential.Default(environ("HOME="+dir, "USERPROFILE="+dir, "DOCKER_AUTH_CONFIG={"))
	got := k.Explain(t.Context(), repository(t, "ghcr.io/a/b"))
	if !got[1].Decides || got[1].Err == nil || got[3].Decides || got[3].Source == nil {
		t.Errorf("got %+v", got)
	}
}
