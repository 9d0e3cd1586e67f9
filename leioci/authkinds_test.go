package leioci_test

import (
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestEachKindOfAuthenticationGetsItsToken(t *testing.T) {
	server := leiocitest.NewTokenServer(t, leiocitest.TokenConfig{Users: map[string]string{"bob": "right"}})
	reg := leiocitest.Serve(t, server.Protect(leiocitest.NewHandler()))
	repo := repository(t, reg)
	for name, tc := range map[string]struct {
		auth   authn.Authenticator
		grants []string // how tokens were requested: one to push, one to pull
		err    error
	}{
		"a password":         {&authn.Basic{Username: "bob", Password: "right"}, []string{"basic bob", "basic bob"}, nil},
		"an identity token":  {authn.FromConfig(authn.AuthConfig{IdentityToken: server.RefreshToken("bob")}), []string{"refresh_token bob", "refresh_token bob"}, nil},
		"a wrong password":   {&authn.Basic{Username: "bob", Password: "s3cret"}, nil, leioci.ErrUnauthorized},
		"a wrong token":      {authn.FromConfig(authn.AuthConfig{IdentityToken: "s3cret"}), nil, leioci.ErrUnauthorized},
		"nothing, to push":   {authn.Anonymous, nil, leioci.ErrUnauthorized},
		"a token that is no": {&authn.Bearer{Token: "s3cret"}, nil, leioci.ErrUnauthorized},
	} {
		before := len(server.Requests())
		c := newClient(t, leioci.WithAuth(reg.Host(), tc.auth))
		err := roundTrip(t, c, reg)
		if !errors.Is(err, tc.err) || err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: got %v, want %v", name, err, tc.err)
		}
		var grants []string
		for _, r := range server.Requests()[before:] {
			grants = append(grants, r.Grant+" "+r.User)
		}
		if tc.grants != nil && !slices.Equal(grants, tc.grants) {
			t.Errorf("%s: tokens were asked for by %q, want %q", name, grants, tc.grants)
		}
	}
	if _, err := newClient(t).PullSnapshot(t.Context(), repo.Tag("latest"), filepath.Join(t.TempDir(), "lei")); err != nil {
		t.Errorf("nothing, to pull: %v", err)
	}
	if last := server.Requests()[len(server.Requests())-1]; last.Grant != "anonymous" || !slices.Equal(last.Scopes, []string{"repository:org/lei-cache:pull"}) {
		t.Errorf("the token to pull was asked for as %+v", last)
	}
}

func TestATokenServerThatIsDownIsTriedAgain(t *testing.T) {
	server := leiocitest.NewTokenServer(t, leiocitest.TokenConfig{Users: map[string]string{"bob": "right"}})
	reg := leiocitest.Serve(t, server.Protect(leiocitest.NewHandler()))
	down := server.On("", "/token", 2, leiocitest.Status(http.StatusServiceUnavailable, ""))
	c := newClient(t, fast(), leioci.WithAuth(reg.Host(), &authn.Basic{Username: "bob", Password: "right"}))
	if err := roundTrip(t, c, reg); err != nil || down.Hits() != 2 {
		t.Errorf("got %v after %d failures", err, down.Hits())
	}
}

func TestACopyShowsEachSideItsOwnCredentials(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]string{}
	guarded := func(password string) *leiocitest.Registry {
		registry := leiocitest.BasicAuth("user", password, leiocitest.NewHandler())
		return leiocitest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, shown, _ := r.BasicAuth()
			mu.Lock()
			seen[password] += shown
			mu.Unlock()
			registry.ServeHTTP(w, r)
		}))
	}
	from, to := guarded("s3cret-of-one"), guarded("s3cret-of-two")
	c := newClient(t,
		leioci.WithAuth(from.Host(), &authn.Basic{Username: "user", Password: "s3cret-of-one"}),
		leioci.WithAuth(to.Host(), &authn.Basic{Username: "user", Password: "s3cret-of-two"}))
	source := pushSample(t, c, repository(t, from), "latest")
	img, err := c.Image(t.Context(), source)
	must(t, err)
	copied, err := c.PushSnapshot(t.Context(), repository(t, to), []string{"latest"}, img)
	if err != nil || copied.DigestStr() != source.DigestStr() {
		t.Fatalf("got %v, %v", copied, err)
	}
	mu.Lock()
	defer mu.Unlock()
	for own, shown := range seen {
		if strings.ReplaceAll(shown, own, "") != "" {
			t.Errorf("the registry with %q was shown %q", own, shown)
		}
	}
}

func TestAnAnswerWithHugeHeadersIsRefused(t *testing.T) {
	reg := leiocitest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Large", strings.Repeat("x", 1<<20))
	}))
	c, err := leioci.New(once())
	must(t, err)
	if _, err := c.PullManifest(t.Context(), repository(t, reg).Tag("latest")); err == nil || !strings.Contains(err.Error(), "header") {
		t.Errorf("got %v", err)
	}
}
