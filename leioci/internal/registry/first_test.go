package registry_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

const (
	getManifest = "GET /v2/org/cache/manifests/latest"
	getBlob     = "GET /v2/org/cache/blobs/" + sampleDigest
	headBlob    = "HEAD /v2/org/cache/blobs/" + sampleDigest
	ping        = "GET /v2/"
)

// readAll reads the manifest and then the blob.
func readAll(t *testing.T, c *registry.Client, host string) error {
	t.Helper()
	repo := repository(t, host)
	if _, _, err := c.Source(repo).Manifest(t.Context(), repo.Tag("latest"), nil); err != nil {
		return err
	}
	_, err := readBlob(t, c.Source(repo), sample(t))
	return err
}

func TestARegistryIsAskedNothingButWhatIsWantedOfIt(t *testing.T) {
	rt := http.DefaultTransport.(*http.Transport).Clone()
	defer rt.CloseIdleConnections()
	server := leiocitest.NewTokenServer(t, leiocitest.TokenConfig{Users: map[string]string{"bob": "secret"}})
	open, challenged := []string{getManifest, getBlob}, []string{getManifest, getManifest, getBlob}
	for name, tc := range map[string]struct {
		handler http.Handler
		bob     bool
		want    []string
		tokens  int
	}{
		"open":                     {sampleHandler(t), false, open, 0},
		"open, with credentials":   {sampleHandler(t), true, open, 0},
		"passwords":                {leiocitest.BasicAuth("bob", "secret", sampleHandler(t)), true, challenged, 0},
		"tokens":                   {server.Protect(sampleHandler(t)), true, challenged, 1},
		"tokens for the anonymous": {server.Protect(sampleHandler(t)), false, challenged, 1},
	} {
		reg := leiocitest.Serve(t, tc.handler)
		edits := []func(*registry.Config){once, func(c *registry.Config) { c.Transport = rt }}
		if tc.bob {
			edits = append(edits, given(reg.Host()))
		}
		c, before := newWorld(t).client(edits...), len(server.Requests())
		must(t, readAll(t, c, reg.Host()))
		if got := reg.Requests(); !slices.Equal(got, tc.want) || len(server.Requests())-before != tc.tokens {
			t.Errorf("%s: it was asked %q, and for %d tokens", name, got, len(server.Requests())-before)
		}
		asked := len(reg.Requests())
		must(t, readAll(t, c, reg.Host()))
		if got := reg.Requests()[asked:]; !slices.Equal(got, open) || len(server.Requests())-before != tc.tokens {
			t.Errorf("%s: then it was asked %q, and for %d tokens", name, got, len(server.Requests())-before)
		}
	}
}

// hiding answers whoever shows nothing with a status, except a ping, and challenges nobody else.
func hiding(status int, protected http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v2/" && r.Header.Get("Authorization") == "" {
			leiocitest.Status(status, "")(w, r, nil)
			return
		}
		protected.ServeHTTP(w, r)
	})
}

func TestARegistryThatHidesFromTheAnonymousIsAskedOnceHowToAuthenticate(t *testing.T) {
	for _, status := range []int{
		http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed,
		http.StatusGone, http.StatusUnavailableForLegalReasons,
	} {
		w := newWorld(t)
		reg := w.network.Serve("main.localhost", hiding(status, leiocitest.BasicAuth("bob", "secret", sampleHandler(t))))
		c := w.client(once, given("main.localhost"))
		must(t, readAll(t, c, "main.localhost"))
		must(t, readAll(t, c, "main.localhost"))
		if got, want := reg.Requests(), []string{getManifest, ping, getManifest, getBlob, getManifest, getBlob}; !slices.Equal(got, want) {
			t.Errorf("%d: it was asked %q", status, got)
		}
		before := len(reg.Requests())
		var response *transport.Error
		if err := readAll(t, w.client(once), "main.localhost"); !errors.As(err, &response) || response.StatusCode != status {
			t.Errorf("%d: without credentials, got %v", status, err)
		}
		if got := reg.Requests()[before:]; !slices.Equal(got, []string{getManifest}) {
			t.Errorf("%d: without credentials, it was asked %q", status, got)
		}
		_, err := c.Source(repository(t, "main.localhost")).Download(t.Context(), descriptor(t, "absent"), &partial{})
		if !errors.As(err, &response) || response.StatusCode != http.StatusNotFound || pings(reg) != 1 {
			t.Errorf("%d: what is not there: got %v after %d pings", status, err, pings(reg))
		}
	}
}

func TestWhatOnlySomebodyWithCredentialsMayDoIsDoneWithThem(t *testing.T) {
	for name, tc := range map[string]struct {
		refuse func(w http.ResponseWriter, r *http.Request) // what changes something, to the anonymous
		pings  int
	}{
		"a challenge": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
			w.WriteHeader(http.StatusUnauthorized)
		}, 0},
		"forbidden":   {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, 1},
		"not allowed": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusMethodNotAllowed) }, 1},
	} {
		w := newWorld(t)
		store := sampleHandler(t)
		protected := leiocitest.BasicAuth("bob", "secret", store)
		uploads := 0
		reg := w.network.Serve("main.localhost", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			reads, anonymous := r.Method == http.MethodGet || r.Method == http.MethodHead, r.Header.Get("Authorization") == ""
			switch {
			case !reads && anonymous:
				tc.refuse(rw, r)
				return
			case r.Method == http.MethodPost:
				uploads++
			case reads && anonymous && r.URL.Path != "/v2/":
				store.ServeHTTP(rw, r)
				return
			}
			protected.ServeHTTP(rw, r)
		}))
		d := w.client(once, given("main.localhost")).Destination(repository(t, "main.localhost"))
		there, err := d.HasBlob(t.Context(), sample(t).Digest, sample(t).Size) // anonymous: it is
		if err != nil || !there || len(reg.Requests()) != 1 {
			t.Errorf("%s: got %v, %v after %q", name, there, err, reg.Requests())
		}
		reg.On(http.MethodHead, "/blobs/", 1, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.Header().Set("Content-Length", "2") // another blob's: it is not there, and not hidden
		})
		if _, err := d.Upload(t.Context(), newLayer("x"), newLayer("x").digest(t)); err != nil || uploads != 1 || pings(reg) != tc.pings {
			t.Errorf("%s: got %v after %d uploads and %d pings: %q", name, err, uploads, pings(reg), reg.Requests())
		}
	}
}

func TestManyOperationsThatBeginAtOnceMeetOneChallenge(t *testing.T) {
	const n = 32
	rt := http.DefaultTransport.(*http.Transport).Clone()
	defer rt.CloseIdleConnections()
	server := leiocitest.NewTokenServer(t, leiocitest.TokenConfig{Users: map[string]string{"bob": "secret"}})
	for name, tc := range map[string]struct {
		handler       http.Handler
		extra, tokens int
	}{
		"tokens":  {server.Protect(sampleHandler(t)), 1, 1},
		"nothing": {sampleHandler(t), 0, 0},
		"hidden":  {hiding(http.StatusNotFound, leiocitest.BasicAuth("bob", "secret", sampleHandler(t))), 2, 0},
	} {
		reg := leiocitest.Serve(t, tc.handler)
		c := newWorld(t).client(once, given(reg.Host()), func(c *registry.Config) { c.Transport = rt })
		before := len(server.Requests())
		var group sync.WaitGroup
		for range n {
			group.Go(func() {
				if _, err := readBlob(t, c.Source(repository(t, reg.Host())), sample(t)); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if got := len(reg.Requests()) - n; got != tc.extra || len(server.Requests())-before != tc.tokens {
			t.Errorf("%s: %d requests more than %d, and %d tokens", name, got, n, len(server.Requests())-before)
		}
	}
}

func TestAChallengeOfWhereTheFirstRequestIsRedirectedToIsNotTheRegistrys(t *testing.T) {
	for _, c := range []string{`Basic realm="x"`, `Bearer realm="http://evil.localhost/token",service="x"`} {
		w := newWorld(t)
		var shown []string
		foreign := func(host string) {
			w.network.Serve(host, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				shown = append(shown, r.Header.Get("Authorization")) // one request at a time
				rw.Header().Set("WWW-Authenticate", c)
				rw.WriteHeader(http.StatusUnauthorized)
			}))
		}
		foreign("storage.localhost")
		foreign("evil.localhost")
		reg, repo := w.serve("main.localhost")
		reg.On(http.MethodGet, "/blobs/", leiocitest.Always, leiocitest.Redirect(http.StatusTemporaryRedirect, "http://storage.localhost"))
		client := w.client(once, given("main.localhost"), func(c *registry.Config) { c.PlainHTTP = []string{"storage.localhost", "evil.localhost"} })
		_, err := readBlob(t, client.Source(repo), sample(t))
		if host, ok := registry.RespondedElsewhere(err); !ok || host != "storage.localhost" {
			t.Errorf("%s: got %v", c, err)
		}
		if len(shown) == 0 || strings.Join(shown, "") != "" || pings(reg) != 0 {
			t.Errorf("%s: others were shown %q; there were %d pings", c, shown, pings(reg))
		}
		if _, _, err := client.Source(repo).Manifest(t.Context(), repo.Tag("latest"), nil); err != nil {
			t.Errorf("%s: afterwards: %v", c, err)
		}
	}
}

func TestARequestThatChangesSomethingIsCarriedOutOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		plain, first []string
		body         string
	}{
		"how the registry is reached is known":     {[]string{"main.localhost"}, []string{"POST /v2/org/cache/blobs/uploads/"}, ""},
		"how the registry is reached is not known": {nil, []string{ping, "POST /v2/org/cache/blobs/uploads/"}, ""},
		"it has a body": {[]string{"main.localhost"}, []string{ping, "POST /v2/org/cache/blobs/uploads/"}, "x"},
	} {
		w := newWorld(t)
		reg, repo := w.serve("main.localhost")
		session, err := w.client(func(c *registry.Config) { c.PlainHTTP = tc.plain }).NewSession(repo, registry.Anonymous())
		must(t, err)
		url := fmt.Sprintf("http://%s/v2/org/cache/blobs/uploads/", repo.RegistryStr())
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(tc.body))
		must(t, err)
		resp, err := session.RoundTrip(req)
		must(t, err)
		must(t, resp.Body.Close())
		if got := reg.Requests(); resp.StatusCode != http.StatusAccepted || !slices.Equal(got, tc.first) {
			t.Errorf("%s: %s after %q", name, resp.Status, got)
		}
	}
}

func TestABearerTokenThatWasGivenIsShownWhereItIsAskedFor(t *testing.T) {
	for name, tc := range map[string]struct {
		handler func(http.Handler) http.Handler
		want    []string
	}{
		"a challenge": {func(h http.Handler) http.Handler { return h }, []string{getManifest, getManifest, getBlob}},
		"hidden":      {func(h http.Handler) http.Handler { return hiding(http.StatusNotFound, h) }, []string{getManifest, ping, getManifest, getBlob}},
	} {
		w := newWorld(t)
		store := sampleHandler(t)
		reg := w.network.Serve("main.localhost", tc.handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer t0ken" {
				w.Header().Set("WWW-Authenticate", `Bearer realm="https://auth.invalid/token"`)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			store.ServeHTTP(w, r)
		})))
		c := w.client(once, func(c *registry.Config) {
			c.Auths = map[string]authn.Authenticator{"main.localhost": &authn.Bearer{Token: "t0ken"}}
		})
		must(t, readAll(t, c, "main.localhost"))
		if got := reg.Requests(); !slices.Equal(got, tc.want) {
			t.Errorf("%s: it was asked %q", name, got)
		}
	}
}
