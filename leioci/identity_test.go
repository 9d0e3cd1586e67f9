package leioci_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/internal/testenv"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// rotatingWorld is a registry whose token server replaces an identity token at each use, with
// repositories that each have the sample.
func rotatingWorld(t *testing.T, repositories int) (*leiocitest.TokenServer, *leiocitest.Registry, []name.Repository) {
	t.Helper()
	server, store, bob := tokenWorld(t, leiocitest.TokenConfig{RotateRefreshTokens: true})
	reg := leiocitest.Serve(t, server.Protect(store))
	filler := newClient(t, leioci.WithAuth(reg.Host(), bob))
	repos := make([]name.Repository, repositories)
	for i := range repos {
		repos[i] = testRepositoryAt(t, reg, fmt.Sprintf("org/cache-%d", i))
		pushSample(t, filler, repos[i], "latest")
	}
	return server, reg, repos
}

func testRepositoryAt(t testing.TB, reg *leiocitest.Registry, path string) name.Repository {
	t.Helper()
	repo, err := leioci.ParseRepository(reg.Host() + "/" + path)
	must(t, err)
	return repo
}

func identityToken(token string) authn.Authenticator {
	return authn.FromConfig(authn.AuthConfig{IdentityToken: token})
}

// requireRefreshTokens fails if bob was not known to the token server at each request.
func requireRefreshTokens(t *testing.T, requests []leiocitest.TokenRequest) {
	t.Helper()
	for _, r := range requests {
		if r.Grant != "refresh_token" || r.User != "bob" {
			t.Errorf("the token server got %+v", r)
		}
	}
}

func TestAnIdentityTokenMayBeReplacedAtEachUse(t *testing.T) {
	server, reg, repos := rotatingWorld(t, 4)
	c := newClient(t, leioci.WithAuth(reg.Host(), identityToken(server.RefreshToken("bob"))))
	before := len(server.Requests())
	for range 3 {
		server.Expire()
		var group sync.WaitGroup
		for i := range 16 {
			group.Go(func() {
				if _, err := c.PullManifest(t.Context(), repos[i%len(repos)].Tag("latest")); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	}
	requireRefreshTokens(t, server.Requests()[before:])
}

func TestAReplacedIdentityTokenServesTheOtherRepositoriesAndScopes(t *testing.T) {
	server, reg, repos := rotatingWorld(t, 3)
	for name, option := range map[string]func(authn.Authenticator) leioci.Option{
		"given":  func(a authn.Authenticator) leioci.Option { return leioci.WithAuth(reg.Host(), a) },
		"stored": func(a authn.Authenticator) leioci.Option { return leioci.WithKeychain(keychain{a}) },
	} {
		var log testenv.LogBuffer
		c := newClient(t, option(identityToken(server.RefreshToken("bob"))), debugLog(&log))
		before := len(server.Requests())
		for _, repo := range repos {
			_, err := c.PullManifest(t.Context(), repo.Tag("latest"))
			if err == nil {
				manifest, blobs := sample(t)
				_, err = c.Push(t.Context(), repo, []string{"latest"}, manifest, blobs)
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			assertNoSecret(t, &log, err)
		}
		requireRefreshTokens(t, server.Requests()[before:])
	}
}

func TestAReplacedIdentityTokenThatIsRejectedGivesWayToTheConfiguredOne(t *testing.T) {
	var shown record[string]
	tokens := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := r.FormValue("refresh_token")
		shown.add(token)
		if token != secretIdentity { // what this server gives out is of no use
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"error":"invalid_grant"}`)
			return
		}
		_, _ = io.WriteString(w, `{"access_token":"granted","refresh_token":"s3cret-useless"}`)
	})
	w := tokenWeb(tokens, `Bearer realm="https://auth.example/token"`)
	var log testenv.LogBuffer
	c := w.client(t, &log, leioci.WithAuth("registry.example", identityToken(secretIdentity)))
	for _, path := range []string{"a", "b"} {
		repo := testRepository(t, "registry.example/"+path)
		_, err := c.Tags(t.Context(), repo)
		if err != nil {
			t.Error(err)
		}
		assertNoSecret(t, &log, err)
	}
	if got := strings.Join(shown.take(), " "); got != secretIdentity+" s3cret-useless "+secretIdentity {
		t.Errorf("the token server was shown %q", got)
	}
}

func TestAnIdentityTokenThatWasEndedIsAsGoodAsAWrongPassword(t *testing.T) {
	tokens := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusBadRequest) // RFC 6749, section 5.2
			_, _ = io.WriteString(w, `{"error":"invalid_grant","error_description":"expired"}`)
			return
		}
		_, _ = io.WriteString(w, `{"token":"granted"}`)
	})
	w := tokenWeb(tokens, `Bearer realm="https://auth.example/token"`)
	var log testenv.LogBuffer
	_, err := w.client(t, &log, leioci.WithAuth("registry.example", identityToken(secretIdentity))).Tags(t.Context(), testRepository(t, "registry.example"))
	if !errors.Is(err, leioci.ErrUnauthorized) {
		t.Errorf("given: got %v", err)
	}
	assertNoSecret(t, &log, err)
	_, err = w.client(t, &log, leioci.WithKeychain(keychain{identityToken(secretIdentity)})).Tags(t.Context(), testRepository(t, "registry.example"))
	if err != nil || !strings.Contains(log.String(), "refuses the stored credentials") {
		t.Errorf("stored: got %v", err)
	}
	assertNoSecret(t, &log, err)
}

func TestAnIdentityTokenIsNotTakenToAnotherHost(t *testing.T) {
	for _, status := range []int{http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		w := tokenWeb(http.RedirectHandler("https://attacker.example/token", status), `Bearer realm="https://auth.example/token"`)
		w.servers["https://attacker.example"] = issuing("granted")
		var log testenv.LogBuffer
		_, err := w.client(t, &log, leioci.WithAuth("registry.example", identityToken(secretIdentity))).Tags(t.Context(), testRepository(t, "registry.example"))
		if err == nil || !strings.Contains(err.Error(), "token server auth.example") || !strings.Contains(err.Error(), "redirect to attacker.example") {
			t.Errorf("%d: got %v", status, err)
		}
		if n := w.asked("https://attacker.example"); n != 0 {
			t.Errorf("%d: it was asked %d times", status, n)
		}
		assertNoSecret(t, &log, err)
	}
}

func TestAnIdentityTokenFollowsARedirectOnItsOwnHost(t *testing.T) {
	w := tokenWeb(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			http.Redirect(w, r, "/token/", http.StatusTemporaryRedirect)
			return
		}
		issuing("granted")(w, r)
	}), `Bearer realm="https://auth.example/token"`)
	var log testenv.LogBuffer
	_, err := w.client(t, &log, leioci.WithAuth("registry.example", identityToken(secretIdentity))).Tags(t.Context(), testRepository(t, "registry.example"))
	must(t, err)
	if sent := w.secretsSent("https://auth.example"); strings.Count(sent, secretIdentity) != 2 {
		t.Errorf("it was sent %q", sent)
	}
}

// tokenWeb is a web with registry.example, which lists tags for the token "granted" and otherwise
// responds with a challenge, and with the token server auth.example.
func tokenWeb(tokens http.Handler, challenges ...string) *web {
	return &web{servers: map[string]http.Handler{
		"https://auth.example": tokens,
		"https://registry.example": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer granted" {
				for _, c := range challenges {
					w.Header().Add("WWW-Authenticate", c)
				}
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			_, _ = io.WriteString(w, `{"name":"org/lei-cache","tags":["latest"]}`)
		}),
	}}
}
