package leioci_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// privateRegistry is a registry at a private address that requires tokens. Its token server and its
// storage are at other private addresses. It records the headers sent to all three.
type privateRegistry struct {
	network *leiocitest.Network
	mu      sync.Mutex
	seen    map[string][]string // headers, by host
}

// sentTo returns the headers that a host was sent. A request may come after a call that failed.
func (p *privateRegistry) sentTo(host string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.seen[host])
}

const (
	privateHost    = "10.0.0.5:5000"
	privateTokens  = "10.0.0.6"
	privateStorage = "192.168.7.7:9000"
)

func newPrivateRegistry(t *testing.T) *privateRegistry {
	p := &privateRegistry{network: leiocitest.NewNetwork(t), seen: map[string][]string{}}
	store := leiocitest.NewHandler()
	serve := func(host string, handler http.HandlerFunc) {
		p.network.Serve(host, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			p.mu.Lock()
			p.seen[host] = append(p.seen[host], r.Header.Get("Authorization"))
			p.mu.Unlock()
			handler(w, r)
		}))
	}
	serve(privateStorage, store.ServeHTTP)
	serve(privateTokens, func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"token": secretToken})
	})
	serve(privateHost, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Authorization") != "Bearer "+secretToken:
			w.Header().Set("WWW-Authenticate", `Bearer realm="http://`+privateTokens+`/token",service="lei"`)
			w.WriteHeader(http.StatusUnauthorized)
		case r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/"):
			leiocitest.Redirect(http.StatusTemporaryRedirect, "http://"+privateStorage)(w, r, nil)
		case r.Method == http.MethodPost:
			leiocitest.Location(func(l string) string { return "http://" + privateStorage + l })(w, r, store)
		default:
			store.ServeHTTP(w, r)
		}
	})
	return p
}

// roundTrip pushes the sample and pulls it back.
func (p *privateRegistry) roundTrip(t *testing.T, opts ...leioci.Option) error {
	t.Helper()
	c := newClient(t, append([]leioci.Option{leioci.WithTransport(p.network.Transport())}, opts...)...)
	repo, err := leioci.ParseRepository(privateHost + "/org/lei-cache")
	must(t, err)
	manifest, blobs := sample(t)
	if _, err := c.Push(t.Context(), repo, []string{"latest"}, manifest, blobs); err != nil {
		return err
	}
	_, err = c.PullSnapshot(t.Context(), repo.Tag("latest"), t.TempDir())
	return err
}

// all contains the private networks of RFC 1918.
func all() leioci.Option {
	return leioci.WithPrivateRedirects(netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.168.0.0/16"))
}

func TestPrivateAddressesAreFollowedWhereThatIsAllowed(t *testing.T) {
	password := leioci.WithAuth(privateHost, &authn.Basic{Username: "user", Password: secretPassword})
	plain := leioci.WithPlainHTTP(privateHost, privateTokens)
	for name, tc := range map[string]struct {
		opts []leioci.Option
		says string // empty for success
	}{
		"everything allowed":      {[]leioci.Option{password, plain, all()}, ""},
		"no private redirects":    {[]leioci.Option{password, plain}, "private"},
		"not the storage's":       {[]leioci.Option{password, plain, leioci.WithPrivateRedirects(netip.MustParsePrefix("10.0.0.0/8"))}, "192.168.7.7"},
		"the token server's http": {[]leioci.Option{password, leioci.WithPlainHTTP(privateHost), all()}, "clear text"},
	} {
		p := newPrivateRegistry(t)
		err := p.roundTrip(t, tc.opts...)
		if (err == nil) != (tc.says == "") || err != nil && !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: got %v", name, err)
		}
		stored := p.sentTo(privateStorage)
		for _, sent := range stored {
			if sent != "" {
				t.Errorf("%s: the storage was sent %q", name, sent)
			}
		}
		if tc.says == "" && len(stored) < 5 {
			t.Errorf("%s: the storage was asked %d times", name, len(stored))
		}
	}
}

func TestAnErrorNamesThePrivateAddress(t *testing.T) {
	p := newPrivateRegistry(t)
	p.network.Refuse(privateStorage, leiocitest.Always)
	err := p.roundTrip(t, all(), leioci.WithPlainHTTP(privateHost, privateTokens), leioci.WithAuth(privateHost, &authn.Basic{Username: "user", Password: secretPassword}))
	if err == nil || !strings.Contains(err.Error(), "http://"+privateStorage) || strings.Contains(err.Error(), "invalid") {
		t.Errorf("got %v", err)
	}
}

func TestCredentialsDoNotLeaveInClearText(t *testing.T) {
	for name, tc := range map[string]struct {
		opts []leioci.Option
		want error
	}{
		"a password":                {[]leioci.Option{leioci.WithAuth(privateStorage, &authn.Basic{Username: "user", Password: secretPassword})}, leioci.ErrInsecure},
		"a token":                   {[]leioci.Option{leioci.WithToken(privateStorage, secretToken)}, leioci.ErrInsecure},
		"a password, by permission": {[]leioci.Option{leioci.WithAuth(privateStorage, &authn.Basic{Username: "user", Password: secretPassword}), leioci.WithPlainHTTP(privateStorage)}, nil},
		"nothing":                   {nil, nil},
	} {
		p := newPrivateRegistry(t)
		c := newClient(t, append(tc.opts, leioci.WithTransport(p.network.Transport()))...)
		repo, err := leioci.ParseRepository(privateStorage + "/org/lei-cache")
		must(t, err)
		manifest, blobs := sample(t)
		_, err = c.Push(t.Context(), repo, []string{"latest"}, manifest, blobs)
		if !errors.Is(err, tc.want) {
			t.Errorf("%s: got %v, want %v", name, err, tc.want)
		}
		if sent := p.sentTo(privateStorage); tc.want != nil && strings.Join(sent, "") != "" {
			t.Errorf("%s: it was sent %q", name, sent)
		}
	}
}

func TestPlainHTTPNeverAsksOverHTTPS(t *testing.T) {
	n := leiocitest.NewNetwork(t)
	n.Serve("registry.example", leiocitest.NewHandler())
	var secure, plain atomic.Int64 // requests
	base := n.Transport()
	transport := roundTripper(func(req *http.Request) (*http.Response, error) {
		if req.URL.Scheme == "http" {
			plain.Add(1)
		} else {
			secure.Add(1)
		}
		return base.RoundTrip(req)
	})
	c := newClient(t, leioci.WithTransport(transport), leioci.WithPlainHTTP("registry.example"), leioci.WithToken("registry.example", secretToken))
	repo, err := leioci.ParseRepository("registry.example/org/lei-cache")
	must(t, err)
	pushSample(t, c, repo, "latest")
	if secure.Load() != 0 || plain.Load() == 0 {
		t.Errorf("asked %d times over https, and %d times over http", secure.Load(), plain.Load())
	}
}

func TestCredentialsForThisMachineAreNotShownToAProxy(t *testing.T) {
	n := leiocitest.NewNetwork(t)
	proxy := n.Serve("proxy.example:3128", leiocitest.BasicAuth("user", secretPassword, leiocitest.NewHandler()))
	var shown record[string]
	proxy.On("", "", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		shown.add(r.Header.Get("Authorization"))
		registry.ServeHTTP(w, r)
	})
	transport := n.Transport()
	transport.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.example:3128"})
	wrapped := roundTripper(transport.RoundTrip) // nobody sees what it does
	for _, host := range []string{"registry.localhost:5000", "a.localhost"} {
		for name, tc := range map[string]struct {
			opts []leioci.Option
			fine bool
		}{
			"a transport":                {[]leioci.Option{leioci.WithTransport(transport)}, false},
			"a transport in another":     {[]leioci.Option{leioci.WithTransport(wrapped)}, false},
			"a transport, by permission": {[]leioci.Option{leioci.WithTransport(wrapped), leioci.WithPlainHTTP(host)}, true},
		} {
			c := newClient(t, append(tc.opts, leioci.WithAuth(host, &authn.Basic{Username: "user", Password: secretPassword}))...)
			repo, err := leioci.ParseRepository(host + "/org/lei-cache")
			must(t, err)
			_, err = c.Tags(t.Context(), repo)
			if errors.Is(err, leioci.ErrInsecure) == tc.fine {
				t.Errorf("%s, %s: got %v", host, name, err)
			}
			if sent := strings.Join(shown.take(), ""); (sent != "") != tc.fine {
				t.Errorf("%s, %s: the proxy was sent %q", host, name, sent)
			}
		}
	}
}
