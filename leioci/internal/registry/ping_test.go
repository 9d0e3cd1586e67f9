package registry_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/registry"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// given lets a client authenticate at a host as bob.
func given(host string) func(*registry.Config) {
	return func(c *registry.Config) {
		c.Auths = map[string]authn.Authenticator{host: &authn.Basic{Username: "bob", Password: "secret"}}
	}
}

func TestARegistryThatDoesNotTellHowToAuthenticateIsAskedAtTheRepository(t *testing.T) {
	for _, status := range []int{http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed} {
		for name, handler := range map[string]http.Handler{
			"public":    sampleHandler(t),
			"protected": leiocitest.BasicAuth("bob", "secret", sampleHandler(t)),
		} {
			w := newWorld(t)
			reg := w.network.Serve("main.localhost", handler)
			repo := repository(t, "main.localhost")
			reg.On(http.MethodGet, "/blobs/", 1, leiocitest.Status(status, "")) // to somebody without credentials
			reg.On(http.MethodGet, "/v2/", 1, leiocitest.Status(status, ""))
			if name == "public" { // and without a tag of that name
				reg.On(http.MethodHead, "/manifests/", 1, leiocitest.Status(http.StatusNotFound, ""))
			}
			content, err := readBlob(t, w.client(once, given("main.localhost")).Source(repo), sample(t))
			if err != nil || content != sampleBlob {
				t.Errorf("%s, %d: got %q, %v", name, status, content, err)
			}
			blob := "GET /v2/org/cache/blobs/" + sampleDigest
			if r := reg.Requests(); !slices.Equal(r, []string{blob, "GET /v2/", "HEAD /v2/org/cache/manifests/latest", blob}) {
				t.Errorf("%s, %d: it was asked %q", name, status, r)
			}
		}
	}
}

func TestARepositoryThatIsUnavailableDoesNotPassForPublic(t *testing.T) {
	w := newWorld(t)
	reg, repo := w.serve("main.localhost")
	reg.On(http.MethodGet, "/v2/", 2, leiocitest.Status(http.StatusNotFound, "")) // a blob, and the ping
	probe := reg.On(http.MethodHead, "/manifests/", 1, leiocitest.Status(http.StatusServiceUnavailable, ""))
	_, err := readBlob(t, w.client(once, given("main.localhost")).Source(repo), sample(t))
	if err == nil || !strings.Contains(err.Error(), "ask main.localhost how to authenticate: ") || probe.Hits() != 1 {
		t.Errorf("got %v", err)
	}
}

func TestAFirstRequestThatFailsForAReasonThatPassesIsTriedAgain(t *testing.T) {
	for name, fault := range map[string]leiocitest.Fault{
		"too many requests": leiocitest.Status(http.StatusTooManyRequests, ""),
		"unavailable":       leiocitest.Status(http.StatusServiceUnavailable, ""),
		"no connection":     leiocitest.Cut(),
	} {
		w := newWorld(t)
		reg, repo := w.serve("main.localhost")
		reg.On(http.MethodGet, "/v2/", 1, fault)
		if _, err := readBlob(t, w.client().Source(repo), sample(t)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnErrorNamesTheStepOfAuthenticationThatFailed(t *testing.T) {
	tokens := leiocitest.NewTokenServer(t, leiocitest.TokenConfig{})
	reg := leiocitest.Serve(t, tokens.Protect(sampleHandler(t)))
	repo := repository(t, reg.Host())
	rt := http.DefaultTransport.(*http.Transport).Clone()
	defer rt.CloseIdleConnections()
	read := func() error {
		_, err := newWorld(t).client(func(c *registry.Config) { c.Transport = rt }, given(reg.Host())).Tags(t.Context(), repo)
		return err
	}
	tokens.On("", "/token", 2, leiocitest.Status(http.StatusInternalServerError, ""))
	if err := read(); err == nil || !strings.HasPrefix(err.Error(), "authenticate with "+reg.Host()+": ") {
		t.Errorf("the token server fails: got %v", err)
	}
	reg.On("", "/tags/", 2, leiocitest.Status(http.StatusNotFound, ""))
	reg.On("", "/v2/", 2, leiocitest.Status(http.StatusInternalServerError, ""))
	if err := read(); err == nil || !strings.HasPrefix(err.Error(), "ask "+reg.Host()+" how to authenticate: ") {
		t.Errorf("the registry fails: got %v", err)
	}
}

func TestARegistryIsSpokenToOverHTTPWhereItIsConfiguredForThat(t *testing.T) {
	w := newWorld(t)
	reg := w.network.Serve("reg.example", leiocitest.BasicAuth("bob", "secret", sampleHandler(t)))
	repo := repository(t, "reg.example")
	plain := func(c *registry.Config) { c.PlainHTTP = []string{"reg.example"} }
	if content, err := readBlob(t, w.client(given("reg.example"), plain).Source(repo), sample(t)); err != nil || content != sampleBlob {
		t.Errorf("got %q, %v", content, err)
	}
	before := len(reg.Requests())
	if _, err := readBlob(t, w.client(given("reg.example")).Source(repo), sample(t)); err == nil {
		t.Error("it was read over http without being told to")
	}
	insecure, err := name.NewRepository("reg.example/org/cache", name.Insecure)
	must(t, err)
	if _, err := readBlob(t, w.client(given("reg.example")).Source(insecure), sample(t)); !errors.Is(err, errdef.ErrInsecure) {
		t.Errorf("credentials in clear text: got %v after %d requests", err, len(reg.Requests())-before)
	}
}
