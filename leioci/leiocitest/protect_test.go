package leiocitest_test

import (
	"errors"
	"io"
	"log"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// answers sends a request with an Authorization header and returns the status and the challenge.
func answers(t *testing.T, reg *leiocitest.Registry, method, path, authorization string) (int, string) {
	t.Helper()
	rt := &http.Transport{}
	defer rt.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+reg.Host()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode, resp.Header.Get("WWW-Authenticate")
}

func TestBasicAuthNeedsUserAndPassword(t *testing.T) {
	reg := leiocitest.Serve(t, leiocitest.BasicAuth("bob", "s3cret", http.HandlerFunc(hello)))
	for authorization, want := range map[string]int{
		"":                         http.StatusUnauthorized,
		"Basic Ym9iOnMzY3JldA==":   http.StatusOK, // bob:s3cret
		"Basic Ym9iOnMzY3JldDI=":   http.StatusUnauthorized,
		"Basic Ym9iYjpzM2NyZXQ=":   http.StatusUnauthorized,
		"Bearer Ym9iOnMzY3JldA==":  http.StatusUnauthorized,
		"Basic not base64 at all!": http.StatusUnauthorized,
	} {
		status, challenge := answers(t, reg, http.MethodGet, "/v2/", authorization)
		if status != want || (challenge != "") != (want != http.StatusOK) {
			t.Errorf("%q: got %d, %q", authorization, status, challenge)
		}
	}
}

func TestProtectNeedsATokenThatAllowsTheRequest(t *testing.T) {
	tokens := leiocitest.NewTokenServer(t, config)
	reg := leiocitest.Serve(t, tokens.Protect(http.HandlerFunc(hello)))
	const none = ""
	pull, push, both := "repository:a/b:pull", "repository:a/b:push", "repository:a/b:pull,push"
	for _, tc := range []struct {
		method, path, scope string
		ok                  bool
		wants               string // the scope of the challenge
	}{
		{http.MethodGet, "/v2/", none, true, ""},
		{http.MethodGet, "/v2/a/b/manifests/latest", pull, true, ""},
		{http.MethodHead, "/v2/a/b/blobs/sha256:0", pull, true, ""},
		{http.MethodGet, "/v2/a/b/tags/list", pull, true, ""},
		{http.MethodGet, "/v2/a/b/manifests/latest", none, false, pull},
		{http.MethodGet, "/v2/a/c/manifests/latest", pull, false, "repository:a/c:pull"},
		{http.MethodGet, "/v2/a/b/c/manifests/latest", pull, false, "repository:a/b/c:pull"},
		{http.MethodPut, "/v2/a/b/manifests/latest", pull, false, both},
		{http.MethodPut, "/v2/a/b/manifests/latest", push, false, both},
		{http.MethodPost, "/v2/a/b/blobs/uploads/", both, true, ""},
		{http.MethodPatch, "/v2/a/b/blobs/uploads/1", both, true, ""},
		{http.MethodPost, "/v2/a/b/blobs/uploads/?mount=sha256:0&from=c/d", both, false, both + " repository:c/d:pull"},
		{http.MethodPost, "/v2/a/b/blobs/uploads/?mount=sha256:0&from=c/d", both + " repository:c/d:pull", true, ""},
		{http.MethodDelete, "/v2/a/b/manifests/latest", both, false, "repository:a/b:delete"},
		{http.MethodDelete, "/v2/a/b/manifests/latest", "repository:a/b:delete", true, ""},
		{http.MethodGet, "/v2/_catalog", both, false, "registry:catalog:*"},
		{http.MethodGet, "/v2/_catalog", "registry:catalog:*", true, ""},
	} {
		token := request(t, tokens, "bob", "s3cret", url.Values{"scope": {tc.scope}}, nil).Token
		status, challenge := answers(t, reg, tc.method, tc.path, "Bearer "+token)
		want := ""
		if !tc.ok {
			want = `Bearer realm="` + tokens.Realm() + `",service="registry.example",scope="` + tc.wants + `",error="insufficient_scope"`
		}
		if (status == http.StatusOK) != tc.ok || status != http.StatusOK && status != http.StatusUnauthorized || challenge != want {
			t.Errorf("%s %s with %q: got %d, %s, want %s", tc.method, tc.path, tc.scope, status, challenge, want)
		}
	}
	if status, _ := answers(t, reg, http.MethodGet, "/storage", ""); status != http.StatusOK {
		t.Errorf("outside the registry: %d", status)
	}
}

func TestProtectAcceptsOnlyItsOwnTokensWhileTheyAreValid(t *testing.T) {
	tokens, other := leiocitest.NewTokenServer(t, config), leiocitest.NewTokenServer(t, config)
	expired := config
	expired.Lifetime = -time.Second
	late := leiocitest.NewTokenServer(t, expired)
	reg, lateReg := leiocitest.Serve(t, tokens.Protect(http.HandlerFunc(hello))), leiocitest.Serve(t, late.Protect(http.HandlerFunc(hello)))
	issue := func(s *leiocitest.TokenServer) string { return request(t, s, "bob", "s3cret", nil, nil).Token }
	good := issue(tokens)
	for name, tc := range map[string]struct {
		reg           *leiocitest.Registry
		authorization string
		want          string // how the challenge ends; empty for status 200
	}{
		"its own":         {reg, "Bearer " + good, ""},
		"another server":  {reg, "Bearer " + issue(other), `,error="invalid_token"`},
		"expired":         {lateReg, "Bearer " + issue(late), `,error="invalid_token"`},
		"changed":         {reg, "Bearer " + good[:20] + "x" + good[21:], `,error="invalid_token"`},
		"without an end":  {reg, "Bearer " + good[:len(good)-1], `,error="invalid_token"`},
		"no token at all": {reg, "Bearer x", `,error="invalid_token"`},
		"points":          {reg, "Bearer ...", `,error="invalid_token"`},
		"nothing":         {reg, "", `"`},
		"a password":      {reg, "Basic Ym9iOnMzY3JldA==", `"`},
	} {
		status, challenge := answers(t, tc.reg, http.MethodGet, "/v2/", tc.authorization)
		if (status == http.StatusOK) != (tc.want == "") || len(challenge) < len(tc.want) || challenge[len(challenge)-len(tc.want):] != tc.want {
			t.Errorf("%s: got %d, %s", name, status, challenge)
		}
	}
	tokens.Expire()
	if status, _ := answers(t, reg, http.MethodGet, "/v2/", "Bearer "+good); status != http.StatusUnauthorized {
		t.Errorf("after Expire: got %d", status)
	}
	if status, _ := answers(t, reg, http.MethodGet, "/v2/", "Bearer "+issue(tokens)); status != http.StatusOK {
		t.Errorf("a new one after Expire: got %d", status)
	}
}

func TestAClientPushesAndPullsWithTokens(t *testing.T) {
	tokens := leiocitest.NewTokenServer(t, leiocitest.TokenConfig{Users: map[string]string{"bob": "s3cret"}})
	reg := leiocitest.Serve(t, tokens.Protect(registry.New(registry.Logger(log.New(io.Discard, "", 0)))))
	tag, err := name.NewTag(reg.Host() + "/org/a:latest")
	if err != nil {
		t.Fatal(err)
	}
	rt := &http.Transport{}
	defer rt.CloseIdleConnections()
	with := func(auth authn.Authenticator) []remote.Option {
		return []remote.Option{remote.WithContext(t.Context()), remote.WithAuth(auth), remote.WithTransport(rt)}
	}
	bob := authn.FromConfig(authn.AuthConfig{Username: "bob", Password: "s3cret"})
	if err := remote.Write(tag, empty.Image, with(bob)...); err != nil {
		t.Error(err)
	}
	identity := authn.FromConfig(authn.AuthConfig{IdentityToken: tokens.RefreshToken("bob")})
	if err := remote.Write(tag, empty.Image, with(identity)...); err != nil {
		t.Error(err)
	}
	if _, err := remote.Head(tag, with(authn.Anonymous)...); err != nil {
		t.Error(err)
	}
	var refused *transport.Error
	if err := remote.CheckPushPermission(tag, authn.NewMultiKeychain(), rt); !errors.As(err, &refused) || refused.StatusCode != http.StatusUnauthorized {
		t.Errorf("anonymous push: %v", err)
	}
	var grants []string
	for _, r := range tokens.Requests() {
		if grant := r.Grant + " " + r.User; !slices.Contains(grants, grant) {
			grants = append(grants, grant)
		}
	}
	if want := []string{"basic bob", "refresh_token bob", "anonymous "}; !reflect.DeepEqual(grants, want) {
		t.Errorf("got %q, want %q", grants, want)
	}
}

func TestAClientRenewsATokenThatHasExpired(t *testing.T) {
	tokens := leiocitest.NewTokenServer(t, leiocitest.TokenConfig{})
	reg := leiocitest.Serve(t, tokens.Protect(http.HandlerFunc(hello)))
	repo, err := name.NewRepository(reg.Host() + "/org/a")
	if err != nil {
		t.Fatal(err)
	}
	base := &http.Transport{}
	defer base.CloseIdleConnections()
	rt, err := transport.NewWithContext(t.Context(), repo.Registry, authn.Anonymous, base, []string{repo.Scope(transport.PullScope)})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{1, 1, 2} { // requests for tokens
		if want == 2 {
			tokens.Expire()
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+reg.Host()+"/v2/org/a/tags/list", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := rt.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK || len(tokens.Requests()) != want {
			t.Errorf("got %d after %d requests for tokens, want %d", resp.StatusCode, len(tokens.Requests()), want)
		}
	}
}
