package leioci_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// gate lets requests with the right Authorization through to a registry, and challenges all others.
func gate(reg *leiocitest.Registry, challenge, right string) {
	reg.On("", "/v2/", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		if r.Header.Get("Authorization") != right {
			w.Header().Set("WWW-Authenticate", challenge)
			leiocitest.Status(http.StatusUnauthorized, "UNAUTHORIZED")(w, r, registry)
			return
		}
		registry.ServeHTTP(w, r)
	})
}

// roundTrip pushes the sample and pulls it back.
func roundTrip(t *testing.T, c *leioci.Client, reg *leiocitest.Registry) error {
	t.Helper()
	repo := repository(t, reg)
	manifest, blobs := sample(t)
	unused := fmt.Sprint("push-", len(reg.Requests())) // where the manifest is already, there would be nothing to push
	if _, err := c.Push(t.Context(), repo, []string{unused, "latest"}, manifest, blobs); err != nil {
		return err
	}
	_, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), t.TempDir())
	return err
}

func TestBasicAuthentication(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	gate(reg, `Basic realm="registry"`, "Basic dXNlcjpwYXNz") // user:pass
	right, wrong := &authn.Basic{Username: "user", Password: "pass"}, &authn.Basic{Username: "user", Password: "s3cret"}
	if err := roundTrip(t, newClient(t, leioci.WithAuth(reg.Host(), right)), reg); err != nil {
		t.Error(err)
	}
	if err := roundTrip(t, newClient(t, leioci.WithKeychain(keychain{right})), reg); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]*leioci.Client{
		"wrong":     newClient(t, leioci.WithAuth(reg.Host(), wrong)),
		"anonymous": newClient(t),
		"another's": newClient(t, leioci.WithAuth("ghcr.io", right)),
		"the explicit one counts, not the keychain's": newClient(t, leioci.WithAuth(reg.Host(), wrong), leioci.WithKeychain(keychain{right})),
	} {
		if err := roundTrip(t, c, reg); !errors.Is(err, leioci.ErrUnauthorized) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// keychain has the same credentials for every registry.
type keychain struct{ authn.Authenticator }

func (k keychain) Resolve(authn.Resource) (authn.Authenticator, error) { return k.Authenticator, nil }

func TestTokenAuthentication(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	var asks record[string]
	reg.On(http.MethodGet, "/token", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		user, _, _ := r.BasicAuth()
		asks.add(fmt.Sprintf("%s %s %s", user, r.URL.Query().Get("service"), r.URL.Query().Get("scope")))
		_ = json.NewEncoder(w).Encode(map[string]string{"token": "granted"})
	})
	gate(reg, fmt.Sprintf(`Bearer realm="http://%s/token",service="lei"`, reg.Host()), "Bearer granted")
	c := newClient(t, leioci.WithAuth(reg.Host(), &authn.Basic{Username: "user", Password: "pass"}))
	if err := roundTrip(t, c, reg); err != nil {
		t.Fatal(err)
	}
	// One token for pushing and one for pulling, each for this repository only.
	want := []string{"user lei repository:org/lei-cache:push,pull", "user lei repository:org/lei-cache:pull"}
	if got := asks.take(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := newClient(t).PullSnapshot(t.Context(), repository(t, reg).Tag("latest"), t.TempDir()); err != nil {
		t.Errorf("anonymously: %v", err)
	}
	if got, want := asks.take(), []string{" lei repository:org/lei-cache:pull"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTheContractsTokenAnswersAChallenge(t *testing.T) {
	for _, challenge := range []string{`Bearer realm="https://auth.invalid/token"`, `Basic realm="registry"`} {
		reg := leiocitest.NewRegistry(t)
		gate(reg, challenge, "Bearer given")
		if err := roundTrip(t, newClient(t, leioci.WithToken(reg.Host(), "given")), reg); err != nil {
			t.Errorf("%s: %v", challenge, err)
		}
		if err := roundTrip(t, newClient(t, leioci.WithToken(reg.Host(), "s3cret")), reg); !errors.Is(err, leioci.ErrUnauthorized) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: got %v", challenge, err)
		}
	}
}
