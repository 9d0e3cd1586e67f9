package leioci_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// spelled returns a transport for a network that does not tell host names by their case.
func spelled(n *leiocitest.Network) http.RoundTripper {
	t := n.Transport()
	dial := t.DialContext
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		return dial(ctx, network, strings.ToLower(addr))
	}
	return t
}

// absolute is a registry that names itself, by host, in every Location, and wants a password.
func absolute(host string) http.Handler {
	store := leiocitest.NewHandler()
	return leiocitest.BasicAuth("user", secretPassword, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost:
			leiocitest.Location(func(l string) string { return "http://" + host + l })(w, r, store)
		case r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/") && r.URL.RawQuery == "":
			http.Redirect(w, r, "http://"+host+r.URL.Path+"?redirected", http.StatusTemporaryRedirect)
		default:
			store.ServeHTTP(w, r)
		}
	}))
}

func TestARegistryIsTheSameHoweverItIsSpelled(t *testing.T) {
	for _, tc := range []struct{ served, ref, plain, auth, says string }{
		{"registry.internal", "registry.internal", "registry.internal", "registry.internal", "registry.internal:80"},
		{"registry.internal", "registry.internal:80", "registry.internal", "registry.internal", "registry.internal"},
		{"registry.internal", "Registry.Internal", "registry.internal:80", "REGISTRY.internal", "registry.INTERNAL"},
		{"registry.internal:5000", "registry.internal:5000", "Registry.Internal:5000", "REGISTRY.INTERNAL:5000", "Registry.internal:5000"},
		{"registry.internal:5000", "Registry.Internal:5000", "registry.internal:5000", "registry.internal:5000", "registry.internal:5000"},
		{"10.0.0.5", "10.0.0.5", "10.0.0.5:80", "10.0.0.5:80", "10.0.0.5:80"},
	} {
		n := leiocitest.NewNetwork(t)
		n.Serve(tc.served, absolute(tc.says))
		c := newClient(t, leioci.WithTransport(spelled(n)), leioci.WithPlainHTTP(tc.plain),
			leioci.WithAuth(tc.auth, &authn.Basic{Username: "user", Password: secretPassword}))
		repo, err := leioci.ParseRepository(tc.ref + "/org/lei-cache")
		must(t, err)
		manifest, blobs := sample(t)
		if _, err := c.Push(t.Context(), repo, []string{"latest"}, manifest, blobs); err != nil {
			t.Errorf("push with %+v: %v", tc, err)
			continue
		}
		if _, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), t.TempDir()); err != nil {
			t.Errorf("pull with %+v: %v", tc, err)
		}
	}
}

func TestCredentialsAreNotGivenTwiceInTwoSpellings(t *testing.T) {
	for _, again := range []string{"ghcr.io", "GHCR.io", "ghcr.io:443"} {
		if _, err := leioci.New(leioci.WithToken("ghcr.io", "a"), leioci.WithToken(again, "b")); err == nil || !strings.Contains(err.Error(), "duplicate") {
			t.Errorf("%s: got %v", again, err)
		}
	}
	if _, err := leioci.New(leioci.WithToken("ghcr.io", "a"), leioci.WithToken("ghcr.io:5000", "b")); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestARegistrysOwnPrivateAddressNeedsNoPermission(t *testing.T) {
	for name, opts := range map[string][]leioci.Option{
		"no networks":          nil,
		"its own network":      {leioci.WithPrivateRedirects(netip.MustParsePrefix("10.0.0.0/8"))},
		"only another network": {leioci.WithPrivateRedirects(netip.MustParsePrefix("192.168.0.0/16"))},
	} {
		n := leiocitest.NewNetwork(t)
		n.Serve("10.0.0.5:5000", absolute("10.0.0.5:5000"))
		c := newClient(t, append(opts, leioci.WithTransport(n.Transport()), leioci.WithPlainHTTP("10.0.0.5:5000"),
			leioci.WithAuth("10.0.0.5:5000", &authn.Basic{Username: "user", Password: secretPassword}))...)
		repo, err := leioci.ParseRepository("10.0.0.5:5000/org/lei-cache")
		must(t, err)
		manifest, blobs := sample(t)
		if _, err := c.Push(t.Context(), repo, []string{"latest"}, manifest, blobs); err != nil {
			t.Errorf("push, %s: %v", name, err)
			continue
		}
		if _, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), t.TempDir()); err != nil {
			t.Errorf("pull, %s: %v", name, err)
		}
	}
}

func TestATokenServerMayBeAtTheRegistrysOwnAddress(t *testing.T) {
	for tokens, tc := range map[string]struct {
		opts []leioci.Option
		says string // empty for success
	}{
		"10.0.0.5:5001":   {nil, ""},
		"10.0.0.5":        {nil, ""},
		"10.0.0.5:5002":   {[]leioci.Option{leioci.WithPrivateRedirects(netip.MustParsePrefix("10.0.0.0/8"))}, ""},
		"10.0.0.6:5001":   {nil, "WithPrivateRedirects"},
		"100.100.100.200": {nil, "WithPrivateRedirects"},
		"198.18.0.1":      {[]leioci.Option{leioci.WithPrivateRedirects(netip.MustParsePrefix("198.18.0.0/15"))}, ""},
	} {
		n := leiocitest.NewNetwork(t)
		store := leiocitest.NewHandler()
		server := n.Serve(tokens, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, password, _ := r.BasicAuth(); r.URL.Path == "/token" || password != secretPassword {
				http.Redirect(w, r, "http://"+tokens+"/other?"+r.URL.RawQuery, http.StatusFound) // to itself
				return
			}
			_ = json.NewEncoder(w).Encode(map[string]string{"token": secretToken})
		}))
		n.Serve("10.0.0.5:5000", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer "+secretToken {
				w.Header().Set("WWW-Authenticate", `Bearer realm="http://`+tokens+`/token",service="lei"`)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			store.ServeHTTP(w, r)
		}))
		c := newClient(t, append(tc.opts, leioci.WithTransport(n.Transport()), leioci.WithPlainHTTP("10.0.0.5:5000", tokens),
			leioci.WithAuth("10.0.0.5:5000", &authn.Basic{Username: "user", Password: secretPassword}))...)
		repo, err := leioci.ParseRepository("10.0.0.5:5000/org/lei-cache")
		must(t, err)
		manifest, blobs := sample(t)
		_, err = c.Push(t.Context(), repo, []string{"latest"}, manifest, blobs)
		if (err == nil) != (tc.says == "") || err != nil && !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: got %v", tokens, err)
		}
		if tc.says != "" && len(server.Requests()) > 0 {
			t.Errorf("%s was asked", tokens)
		}
		if err != nil && strings.Contains(err.Error(), ".invalid") {
			t.Errorf("%s: got %v", tokens, err)
		}
	}
}

func TestATokenServerSendsTheRefreshTokenNowhereElse(t *testing.T) {
	for _, status := range []int{http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		n := leiocitest.NewNetwork(t)
		elsewhere := n.Serve("elsewhere.example", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_ = json.NewEncoder(w).Encode(map[string]string{"token": secretToken})
		}))
		reg := n.Serve("registry.example", leiocitest.NewHandler())
		reg.On("", "/token", leiocitest.Always, leiocitest.Redirect(status, "http://elsewhere.example"))
		reg.On("", "/v2/", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, _ http.Handler) { challenge(w, r, "/token") })
		c := newClient(t, leioci.WithTransport(n.Transport()), leioci.WithPlainHTTP("registry.example", "elsewhere.example"),
			leioci.WithAuth("registry.example", authn.FromConfig(authn.AuthConfig{IdentityToken: secretToken})))
		_, err := c.PullManifest(t.Context(), repository(t, reg).Tag("latest"))
		if err == nil || !strings.Contains(err.Error(), "refusing to") || strings.Contains(err.Error(), secretToken) || len(elsewhere.Requests()) > 0 {
			t.Errorf("%d: got %v, and %q was asked", status, err, elsewhere.Requests())
		}
	}
}
