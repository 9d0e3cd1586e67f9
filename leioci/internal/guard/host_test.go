package guard_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/guard"
)

func TestHostsAreTheSameHoweverTheyAreSpelled(t *testing.T) {
	for _, tc := range []struct {
		a, b, scheme string
		same         bool
	}{
		{"ghcr.io", "GHCR.IO", "https", true},
		{"ghcr.io", "ghcr.io:443", "https", true},
		{"ghcr.io", "ghcr.io.", "https", true},
		{"ghcr.io:", "ghcr.io:443", "https", true},
		{"registry:80", "Registry", "http", true},
		{"[fd00::1]:5000", "[FD00:0:0::1]:5000", "https", true},
		{"[fd00::1]", "[fd00::1]:443", "https", true},
		{"10.0.0.5", "[::ffff:10.0.0.5]", "https", true},
		{"ghcr.io", "ghcr.io:80", "https", false},
		{"registry", "registry:443", "http", false},
		{"registry:5000", "registry:5001", "https", false},
		{"ghcr.io", "evil-ghcr.io", "https", false},
		{"10.0.0.5", "10.0.0.6", "https", false},
	} {
		if got := guard.SameHost(tc.a, tc.b, tc.scheme); got != tc.same {
			t.Errorf("%s and %s over %s: got %v", tc.a, tc.b, tc.scheme, got)
		}
	}
}

func TestAServerThatNamesItselfIsNamedAsItWasAsked(t *testing.T) {
	for _, tc := range []struct{ asked, says, want string }{
		{"https://registry.example/v2/", "https://registry.example:443/u/1?a=%2F", "https://registry.example/u/1?a=%2F"},
		{"https://registry.example:443/v2/", "https://REGISTRY.example/u/1", "https://registry.example:443/u/1"},
		{"https://Registry.Example/v2/", "https://registry.example/u/1", "https://Registry.Example/u/1"},
		{"http://registry.example:5000/v2/", "http://registry.example.:5000/u/1", "http://registry.example:5000/u/1"},
		{"http://registry.example/v2/", "http://registry.example:80/u/1", "http://registry.example/u/1"},
		{"https://registry.example/v2/", "http://registry.example:80/u/1", "http://registry.example/u/1"}, // and is refused
		{"https://10.0.0.5/v2/", "https://10.0.0.5:443/u/1", "https://10.0.0.5/u/1"},
		{"https://[fd00::1]/v2/", "https://[FD00:0::1]:443/u/1", "https://[fd00::1]/u/1"},
		{"https://registry.example/v2/", "https://registry.example:5000/u/1", "https://registry.example:5000/u/1"},
		{"https://registry.example/v2/", "https://other.example:443/u/1", "https://other.example:443/u/1"},
		{"https://registry.example/v2/", "/u/1", "/u/1"},
	} {
		for name, form := range map[string]string{"Location": "%", "Www-Authenticate": `Bearer realm="%",service="x"`, "Link": `<%>; rel="next"`} {
			g := guard.Transport{Base: answering(http.StatusUnauthorized, name, strings.Replace(form, "%", tc.says, 1)), Private: prefixes("10.0.0.0/8", "fd00::/8")}
			header, err := send(t, g, http.MethodGet, tc.asked, nil)
			if want := strings.Replace(form, "%", tc.want, 1); err != nil || header.Get(name) != want {
				t.Errorf("%s: %s: got %s, %v, want %s", tc.asked, name, header.Get(name), err, want)
			}
		}
	}
}

func TestAServerIsNamedAsItWasAskedAfterARedirect(t *testing.T) {
	req := redirected(t, "https://10.0.0.5/", "https://cdn.example/")
	resp, err := guard.Transport{Base: answering(http.StatusFound, "Location", "https://10.0.0.5:443/u/1"), Private: prefixes("10.0.0.0/8")}.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("Location"); got != "https://10.0.0.5/u/1" {
		t.Errorf("got %s", got)
	}
}

func TestTheRegistrysOwnAddressIsAllowedOnEveryPortAndNoOtherIs(t *testing.T) {
	g := guard.Transport{}.For("10.0.0.5:5000")
	for to, fine := range map[string]bool{
		"https://10.0.0.5:5000/v2/": true, "https://10.0.0.5:5001/token": true, "https://10.0.0.5/token": true, "https://auth.example/token": true,
		"https://10.0.0.6/token": false, "https://127.0.0.1/": false, "https://100.100.100.200/": false, "https://[64:ff9b::a00:5]/": false,
	} {
		name := disguised(t, g, "Www-Authenticate", `Bearer realm="`+to+`"`)
		_, name, _ = strings.Cut(name, `"`)
		w := &wire{}
		g.Base = w
		_, err := send(t, g, http.MethodGet, strings.TrimSuffix(name, `"`), nil)
		if (err == nil) != fine || err != nil && !strings.Contains(err.Error(), "WithPrivateRedirects") {
			t.Errorf("%s as %s: got %v", to, name, err)
		}
		if fine && w.sent[0].URL.String() != to {
			t.Errorf("%s as %s arrived as %s", to, name, w.sent[0].URL)
		}
	}
	// Another registry gains nothing by naming that disguise.
	_, name, _ := strings.Cut(disguised(t, g, "Www-Authenticate", `Bearer realm="https://10.0.0.5:5001/"`), `"`)
	name = strings.TrimSuffix(name, `"`)
	if to, _ := arrival(t, guard.Transport{}.For("registry.example"), name); !strings.HasSuffix(to.Hostname(), ".invalid") {
		t.Errorf("%s arrived as %s", name, to)
	}
}
