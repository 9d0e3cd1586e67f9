package guard_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/guard"
)

// disguised returns what the guard turns a response header into.
func disguised(t *testing.T, g guard.Transport, name, value string) string {
	t.Helper()
	g.Base = answering(http.StatusUnauthorized, name, value)
	header, err := send(t, g, http.MethodGet, "https://registry.example/", nil)
	if err != nil {
		t.Fatal(err)
	}
	return header.Get(name)
}

// arrival returns the URL and the Host header that are sent for a request to a URL.
func arrival(t *testing.T, g guard.Transport, to string) (*url.URL, string) {
	t.Helper()
	w := &wire{}
	g.Base = w
	if _, err := send(t, g, http.MethodGet, to, nil); err != nil {
		t.Fatal(err)
	}
	return w.sent[0].URL, w.sent[0].Host
}

func TestAnAllowedPrivateAddressPassesUnderANameAndArrivesAsItself(t *testing.T) {
	g := guard.Transport{Private: prefixes("10.0.0.0/8", "127.0.0.0/8", "fd00::/8", "fe80::/10")}
	for given, arrives := range map[string]string{
		"https://10.1.2.3/a%2Fb?c=d%2F": "https://10.1.2.3/a%2Fb?c=d%2F",
		"https://10.1.2.3:5000/":        "https://10.1.2.3:5000/",
		"https://[fd00::1]/":            "https://[fd00::1]/",
		"https://[fd00:a:b::c]:5000/":   "https://[fd00:a:b::c]:5000/",
		"https://[::ffff:10.1.2.3]/":    "https://10.1.2.3/",
		"https://127.1/":                "https://127.0.0.1/",
		"https://0x0a010203:1/":         "https://10.1.2.3:1/",
	} {
		for name, value := range map[string]string{
			"Location":         given,
			"Www-Authenticate": `Bearer service="lei",Realm="` + given + `",scope="x"`,
		} {
			got := disguised(t, g, name, value)
			if name != "Location" {
				_, got, _ = strings.Cut(got, `Realm="`)
				got, _, _ = strings.Cut(got, `"`)
			}
			if !strings.Contains(got, ".invalid") {
				t.Errorf("%s: %s is no name", name, got)
			}
			if to, host := arrival(t, g, got); to.String() != arrives || host != to.Host {
				t.Errorf("%s: %s arrived as %s with Host %s, want %s", name, given, to, host, arrives)
			}
		}
	}
}

func TestOnlyAllowedPrivateAddressesPassUnderAName(t *testing.T) {
	g := guard.Transport{Private: prefixes("10.0.0.0/8", "93.184.216.0/24")}
	for _, value := range []string{
		"https://192.168.0.1/", "https://93.184.216.34/", "https://storage.example/", "/v2/", "", "http://%zz/", "https://10.0.0.1.example/",
		`Bearer realm="https://192.168.0.1/token",service="10.0.0.1"`, `Bearer realm="%zz"`, `Basic realm="10.0.0.1"`,
	} {
		for _, name := range []string{"Location", "Www-Authenticate"} {
			if got := disguised(t, g, name, value); got != value {
				t.Errorf("%s: %s became %s", name, value, got)
			}
			if got := disguised(t, guard.Transport{}, name, value); got != value {
				t.Errorf("%s: %s became %s where nothing is allowed", name, value, got)
			}
		}
	}
}

func TestARegistryGainsNothingByNamingADisguise(t *testing.T) {
	name := func(address string) string {
		return strings.Replace(parse(t, disguised(t, guard.Transport{Private: prefixes("0.0.0.0/0", "::/0")}, "Location", "https://"+address+"/")).Host, address, "", 1)
	}
	g := guard.Transport{Private: prefixes("10.0.0.0/8")}
	for _, address := range []string{"192.168.0.1", "169.254.169.254", "127.0.0.1", "[::1]", "[fd00::1]"} {
		host := name(address)
		for _, g := range []guard.Transport{g, {}} {
			// It stays a name, and RFC 6761 guarantees that it does not resolve.
			if to, _ := arrival(t, g, "https://"+host+"/"); to.Host != host || !strings.HasSuffix(to.Hostname(), ".invalid") {
				t.Errorf("%s arrived as %s", host, to.Host)
			}
		}
	}
	for _, host := range []string{"registry" + name("10.0.0.1"), "private.leioci.invalid", ".private.leioci.invalid", "a.private.leioci.invalid:5000"} {
		if to, _ := arrival(t, g, "https://"+host+"/"); to.Host != host {
			t.Errorf("%s arrived as %s", host, to.Host)
		}
	}
}

func TestADisguiseDoesNotLetCredentialsThroughOverHTTP(t *testing.T) {
	g := guard.Transport{Private: prefixes("10.0.0.0/8"), PlainHTTP: []string{"10.0.0.6"}}
	for address, refused := range map[string]bool{"http://10.0.0.5/": true, "http://10.0.0.6/": false} {
		to := disguised(t, g, "Location", address)
		g.Base = &wire{}
		if _, err := send(t, g, http.MethodGet, to, http.Header{"Authorization": {"Bearer s3cret"}}); (err != nil) != refused {
			t.Errorf("%s: got %v", address, err)
		}
	}
}
