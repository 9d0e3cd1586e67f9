package leioci_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// changing is a registry that requires what its current handler does.
type changing struct{ current atomic.Pointer[http.Handler] }

func (c *changing) become(h http.Handler) { c.current.Store(&h) }

func (c *changing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	(*c.current.Load()).ServeHTTP(w, r)
}

// tokenWorld is a registry with tokens, and bob's way in.
func tokenWorld(t *testing.T, config leiocitest.TokenConfig) (*leiocitest.TokenServer, http.Handler, authn.Authenticator) {
	t.Helper()
	config.Users = map[string]string{"bob": secretPassword}
	server := leiocitest.NewTokenServer(t, config)
	return server, leiocitest.NewHandler(), &authn.Basic{Username: "bob", Password: secretPassword}
}

func TestWhatAClientLearnedOnceIsNotForEver(t *testing.T) {
	server, store, bob := tokenWorld(t, leiocitest.TokenConfig{})
	other, _, _ := tokenWorld(t, leiocitest.TokenConfig{})
	tokens := server.Protect(store)
	passwords := leiocitest.BasicAuth("bob", secretPassword, store)
	maintenance := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("<html>back in five minutes</html>"))
	})
	bare := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	open := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v2/" { // anyone may ask, and then needs a token
			w.WriteHeader(http.StatusOK)
			return
		}
		tokens.ServeHTTP(w, r)
	})
	for name, tc := range map[string]struct{ before, after http.Handler }{
		"a maintenance page, then tokens":        {maintenance, tokens},
		"a maintenance page, then passwords":     {maintenance, passwords},
		"a 401 without a challenge, then tokens": {bare, tokens},
		"passwords, then tokens":                 {passwords, tokens},
		"tokens, then passwords":                 {tokens, passwords},
		"tokens from another server":             {other.Protect(store), tokens},
		"nothing, then passwords":                {store, passwords},
		"a ping that says nothing":               {open, open},
	} {
		registry := &changing{}
		registry.become(tc.before)
		reg := leiocitest.Serve(t, registry)
		var log bytes.Buffer
		c, repo := newClient(t, leioci.WithAuth(reg.Host(), bob), debugLog(&log)), repository(t, reg)
		manifest, blobs := sample(t)
		_, _ = c.Push(t.Context(), repo, []string{"latest"}, manifest, blobs) // what happens now is not the point
		registry.become(tc.after)
		_, err := c.Push(t.Context(), repo, []string{"latest"}, manifest, blobs)
		if err == nil {
			_, err = c.PullSnapshot(t.Context(), repo.Tag("latest"), t.TempDir())
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		assertNoSecret(t, &log, err)
	}
}

func TestA401WithoutAChallengeIsFollowedByANewHandshake(t *testing.T) {
	server, store, bob := tokenWorld(t, leiocitest.TokenConfig{})
	reg := leiocitest.Serve(t, server.Protect(store))
	c, repo := newClient(t, leioci.WithAuth(reg.Host(), bob)), repository(t, reg)
	pushSample(t, c, repo, "latest")
	_, err := c.PullManifest(t.Context(), repo.Tag("latest"))
	must(t, err)
	for _, status := range []string{"once", "always"} {
		times := 1
		if status == "always" {
			times = leiocitest.Always
		}
		before := pings(reg)
		bare := reg.On(http.MethodGet, "/manifests/", times, leiocitest.Status(http.StatusUnauthorized, "UNAUTHORIZED"))
		_, err := c.PullManifest(t.Context(), repo.Tag("latest"))
		if (err == nil) != (status == "once") || err != nil && !errors.Is(err, leioci.ErrUnauthorized) {
			t.Errorf("%s: got %v", status, err)
		}
		if n := pings(reg) - before; n != 1 || bare.Hits() > 2 {
			t.Errorf("%s: %d handshakes and %d requests", status, n, bare.Hits())
		}
		bare.Stop()
	}
}

func TestATokenThatDoesNotAllowEnoughIsReplaced(t *testing.T) {
	for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden} {
		server, store, bob := tokenWorld(t, leiocitest.TokenConfig{})
		reg := leiocitest.Serve(t, server.Protect(store))
		c, repo := newClient(t, leioci.WithAuth(reg.Host(), bob)), repository(t, reg)
		pushSample(t, c, repo, "latest")
		wants := fmt.Sprintf(`Bearer realm=%q,service="leiocitest",scope="repository:org/base:pull",error="insufficient_scope"`, server.Realm())
		reg.On(http.MethodGet, "/manifests/", 1, func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
			w.Header().Set("WWW-Authenticate", wants)
			leiocitest.Status(status, "DENIED")(w, r, registry)
		})
		_, err := c.PullManifest(t.Context(), repo.Tag("latest"))
		if err != nil {
			t.Errorf("%d: %v", status, err)
		}
		requests := server.Requests()
		if last := requests[len(requests)-1].Scopes; len(last) != 2 || last[0] != "repository:org/base:pull" || last[1] != "repository:org/lei-cache:pull" {
			t.Errorf("%d: asked for %q", status, last)
		}
	}
}

func TestA403ThatSaysNoMoreIsFinal(t *testing.T) {
	server, store, bob := tokenWorld(t, leiocitest.TokenConfig{})
	reg := leiocitest.Serve(t, server.Protect(store))
	c, repo := newClient(t, leioci.WithAuth(reg.Host(), bob)), repository(t, reg)
	_, _ = c.Tags(t.Context(), repo) // there is a session
	denied := reg.On(http.MethodGet, "/manifests/", leiocitest.Always, leiocitest.Status(http.StatusForbidden, "DENIED"))
	if _, err := c.PullManifest(t.Context(), repo.Tag("latest")); !errors.Is(err, leioci.ErrDenied) || denied.Hits() != 1 {
		t.Errorf("got %v after %d requests", err, denied.Hits())
	}
}

func TestARegistryThatAlwaysWantsAnotherTokenIsNotAskedForEver(t *testing.T) {
	server, _, bob := tokenWorld(t, leiocitest.TokenConfig{})
	var asked atomic.Int64
	reg := leiocitest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := asked.Add(1)
		challenging(fmt.Sprintf(`Bearer realm=%q,service="leiocitest",scope="repository:org/%d:pull"`, server.Realm(), n))(w, r)
	}))
	c := newClient(t, leioci.WithAuth(reg.Host(), bob))
	for range 3 {
		asked.Store(0)
		if _, err := c.PullManifest(t.Context(), repository(t, reg).Tag("latest")); !errors.Is(err, leioci.ErrUnauthorized) || asked.Load() > 6 {
			t.Errorf("got %v after %d requests", err, asked.Load())
		}
	}
	for _, r := range server.Requests() { // what it said before is not kept
		if len(r.Scopes) > 2 {
			t.Errorf("asked for %q", r.Scopes)
		}
	}
}

func TestAnExpiredTokenIsRenewedOnceForAll(t *testing.T) {
	server, store, bob := tokenWorld(t, leiocitest.TokenConfig{})
	const n = 8
	// The expired token is rejected once all have shown it.
	var shown, expired atomic.Pointer[string]
	var arrived sync.WaitGroup
	arrived.Add(n)
	protected := server.Protect(store)
	reg := leiocitest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := r.Header.Get("Authorization")
		if old := expired.Load(); old != nil && *old == header {
			arrived.Done()
			arrived.Wait()
		}
		shown.Store(&header)
		protected.ServeHTTP(w, r)
	}))
	repo := repository(t, reg)
	pushSample(t, newClient(t, leioci.WithAuth(reg.Host(), bob)), repo, "latest")
	c := newClient(t, leioci.WithAuth(reg.Host(), bob))
	_, err := c.PullManifest(t.Context(), repo.Tag("latest"))
	must(t, err)
	before := len(server.Requests())
	server.Expire()
	expired.Store(shown.Load())
	var group sync.WaitGroup
	for range n {
		group.Go(func() {
			if _, err := c.PullManifest(t.Context(), repo.Tag("latest")); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if asked := len(server.Requests()) - before; asked != 1 {
		t.Errorf("%d tokens were requested, want 1", asked)
	}
}

func TestARegistryOverHTTPIsTriedOverHTTPSAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := leiocitest.NewHandler()
		w := &web{servers: map[string]http.Handler{"http://10.0.0.5": store}}
		var log bytes.Buffer
		c, repo := w.client(t, &log, leioci.WithKeychain(authn.NewMultiKeychain())), insecure(t, "10.0.0.5")
		pushSample(t, c, repo, "latest")
		w.servers["https://10.0.0.5"] = store
		time.Sleep(6 * time.Minute)
		before := len(w.sent["http://10.0.0.5"])
		_, err := c.PullManifest(t.Context(), repo.Tag("latest"))
		must(t, err)
		if _, err := c.Tags(t.Context(), repo); err != nil || len(w.sent["http://10.0.0.5"]) != before {
			t.Errorf("got %v, asked %d times over http", err, len(w.sent["http://10.0.0.5"])-before)
		}
	})
}

func TestA403MayMeanThatATokenIsOutOfDate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Tokens say what their holder may do. This one's holder is allowed to read after it was issued.
		w := tokenWeb(nil, `Bearer realm="https://auth.example/token"`)
		var allowed atomic.Bool
		w.servers["https://auth.example"] = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			token := "useless"
			if allowed.Load() {
				token = "granted"
			}
			issuing(token)(rw, r)
		})
		registry := w.servers["https://registry.example"]
		var asked atomic.Int64
		w.servers["https://registry.example"] = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") == "Bearer useless" {
				asked.Add(1)
				rw.WriteHeader(http.StatusForbidden)
				return
			}
			registry.ServeHTTP(rw, r)
		})
		var log bytes.Buffer
		bob := &authn.Basic{Username: "bob", Password: secretPassword}
		c, repo := w.client(t, &log, leioci.WithAuth("registry.example", bob)), testRepository(t, "registry.example")
		if _, err := c.Tags(t.Context(), repo); !errors.Is(err, leioci.ErrDenied) || asked.Load() != 1 {
			t.Errorf("before: got %v after %d requests", err, asked.Load())
		}
		time.Sleep(2 * time.Minute)
		allowed.Store(true)
		if _, err := c.Tags(t.Context(), repo); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

func TestATokenServersRefusalDoesNotMoveATagBack(t *testing.T) {
	for _, status := range []int{http.StatusForbidden, http.StatusNotFound} {
		server, store, bob := tokenWorld(t, leiocitest.TokenConfig{})
		reg := leiocitest.Serve(t, server.Protect(store))
		c, repo := newClient(t, leioci.WithAuth(reg.Host(), bob)), repository(t, reg)
		pushSnapshot(t, c, reg, leiocitest.WriteSnapshot(t, newer), "latest")
		before, err := c.PullManifest(t.Context(), repo.Tag("latest"))
		must(t, err)
		// The token expires just before the check of what latest points to.
		reg.On(http.MethodGet, "/manifests/latest", 1, func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
			server.Expire()
			server.On("", "/token", 1, leiocitest.Status(status, "DENIED"))
			registry.ServeHTTP(w, r)
		})
		img, err := leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, older))
		must(t, err)
		if _, err := c.PushSnapshot(t.Context(), repo, []string{"latest"}, img); err == nil {
			t.Errorf("%d: the push succeeded", status)
		}
		after, err := newClient(t, leioci.WithAuth(reg.Host(), bob)).PullManifest(t.Context(), repo.Tag("latest"))
		must(t, err)
		if after.Descriptor.Digest != before.Descriptor.Digest {
			t.Errorf("%d: latest was moved back", status)
		}
	}
}
