package guard_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/guard"
)

func TestFollowGoesNowhereItShouldNot(t *testing.T) {
	const registry = "https://registry.example/v2/"
	g := guard.Transport{Private: prefixes("10.1.0.0/16", "fd00:1::/32", "fe80:1::/32")}
	for from, tos := range map[string]map[string]string{ // to a part of the error, or "" for none
		registry: {
			"https://storage.example/": "", "https://registry.example:5000/": "", "https://93.184.216.34/": "", "https://[2606:2800::1]/": "",
			"https://10.1.2.3/": "", "https://[fd00:1::1]/": "", "https://[::ffff:10.1.2.3]/": "", "https://10.1.515/": "",
			"https://999.1.1.1/": "", "https://1.2.3.4.5/": "", "https://10.0.0.1.5/": "", "https://[fe80:1::1%25eth0]/": "", "https://127.0.0.1.example/": "", "https://08.1.1.1/": "", "https://100000000000/": "",

			"http://registry.example/": "from https to http", "http://10.1.2.3/": "from https to http", "ftp://registry.example/": "to ftp", "file:///etc/passwd": "to file",

			"https://10.0.0.1/": "private address 10.0.0.1", "https://10.2.0.0:5000/": "private", "https://172.16.0.1/": "private", "https://172.31.255.255/": "private",
			"https://192.168.0.1/": "private", "https://127.0.0.1/": "private", "https://127.1/": "private address 127.0.0.1", "https://0x7f000001/": "private address 127.0.0.1",
			"https://2130706433/": "private address 127.0.0.1", "https://017700000001/": "private address 127.0.0.1", "https://0177.0.0.1/": "private", "https://0x7F.1/": "private",
			"https://127.0.1/": "private address 127.0.0.1", "https://10.0.513/": "private address 10.0.2.1", "https://0.0.0.0/": "private", "https://0/": "private",
			"https://169.254.169.254/latest/meta-data/": "private", "https://[::1]/": "private", "https://[::]/": "private", "https://[fd00:2::1]:5000/": "private",
			"https://[fe80::1]/": "private", "https://[fe80::1%25eth0]/": "private", "https://[::ffff:10.0.0.1]/": "private address 10.0.0.1", "https://[ff02::1]/": "private",
			"https://[::ffff:7f00:1]/": "private address 127.0.0.1", "https://224.0.0.1/": "private",

			"https://100.64.0.1/": "private", "https://100.100.100.200/latest/meta-data/": "private", "https://100.127.255.255/": "private", "https://0.1.2.3/": "private",
			"https://192.0.0.192/": "private", "https://192.0.2.1/": "private", "https://198.51.100.1/": "private", "https://203.0.113.1/": "private", "https://192.88.99.1/": "private",
			"https://198.18.0.1/": "private", "https://198.19.255.255/": "private", "https://239.255.255.250/": "private", "https://240.0.0.1/": "private", "https://255.255.255.255/": "private",
			"https://10.0.0.1./": "private", "https://100.6553800/": "private",
			"https://[64:ff9b::a00:1]/": "private", "https://[64:ff9b::169.254.169.254]/": "private", "https://[64:ff9b:1::808:808]/": "private", "https://[64:ff9b:1:a00:1::]/": "private",
			"https://[2002:a00:1::]/": "private", "https://[2002:6464:64c8::1]/": "private", "https://[2001::1]/": "private", "https://[2001:0:4136:e378:8000:63bf:f5ff:fffe]/": "private",
			"https://[::10.0.0.1]/": "private", "https://[::8.8.8.8]/": "private", "https://[::ffff:0:10.0.0.1]/": "private", "https://[::ffff:100.64.0.1]/": "private address 100.64.0.1",
			"https://[fec0::1]/": "private", "https://[fc00::1]/": "private", "https://[ff0e::1]/": "private", "https://[100::1]/": "private", "https://[2001:db8::1]/": "private", "https://[3fff::1]/": "private",
			"https://[2600::5efe:10.0.0.1]/": "private", "https://[2600:1:2:3:200:5efe:a9fe:a9fe]/": "private",
			"https://[2001:2::1]/": "private", "https://[5f00::1]/": "private", "https://[4000::1]/": "private",

			"https://localhost/": "private address 127.0.0.1", "https://LOCALHOST.:5000/": "private", "https://metadata.localhost/": "private",
			"https://localhost.example/": "",

			"https://100.63.255.255/": "", "https://100.128.0.1/": "", "https://192.0.1.1/": "", "https://198.20.0.1/": "", "https://223.255.255.255/": "", "https://1.1.1.1/": "", "https://192.31.196.1/": "",
			"https://[64:ff9b::808:808]/": "", "https://[2002:808:808::1]/": "", "https://[2001:4860:4860::8888]/": "", "https://[2400:cb00::1]/": "", "https://[2620:4f:8000::1]/": "",
			"https://[2600::5efe:8.8.8.8]/": "", "https://[2600::5eff:10.0.0.1]/": "", "https://[2600::5efe:a00:1:0]/": "",
		},
		"http://registry.example/":   {"https://registry.example/": "", "http://storage.example/": "", "http://10.0.0.1/": "private", "gopher://storage.example/": "scheme"},
		"https://10.0.0.5:5000/":     {"https://10.0.0.5/": "", "https://10.0.0.5:9000/": "", "https://10.0.0.6:5000/": "private", "https://10.5/": "private"},
		"https://100.64.0.5:5000/":   {"https://100.64.0.5/": "", "https://100.64.0.6/": "private"},
		"https://[FD00:2::1]:5000/":  {"https://[fd00:2:0::1]/": "", "https://[fd00:2::2]/": "private"},
		"http://registry.localhost/": {"http://storage.localhost/": "", "http://localhost:5000/": ""},
		"http://127.0.0.1:5000/":     {"http://127.0.0.1:5001/": "", "http://localhost:5001/": "", "http://127.0.0.2/": "private", "http://[::1]/": "private"},
	} {
		for to, says := range tos {
			err := g.Follow(parse(t, from), parse(t, to))
			if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
				t.Errorf("from %s to %s: got %v, want %q", from, to, err, says)
			}
		}
	}
}

func TestANetworkMayBeAllowedInAnySpelling(t *testing.T) {
	for network, to := range map[string]string{
		"100.64.0.0/10":         "https://100.100.100.200/",
		"::ffff:10.0.0.0/104":   "https://10.1.2.3/",
		"64:ff9b:1::/48":        "https://[64:ff9b:1::a00:1]/",
		"64:ff9b::10.0.0.0/104": "https://[64:ff9b::10.0.0.1]/",
		"fec0::/10":             "https://[fec0::1]:5000/",
		"192.0.0.0/24":          "https://192.0.0.8/",
	} {
		g := guard.Transport{Private: prefixes(network)}
		if err := g.Follow(parse(t, "https://registry.example/"), parse(t, to)); err != nil {
			t.Errorf("%s: got %v", network, err)
		}
		name := disguised(t, g, "Location", to)
		if u, _ := arrival(t, g, name); !strings.Contains(name, ".invalid") || parse(t, to).Host != u.Host && !strings.HasPrefix(network, "64:ff9b::") {
			t.Errorf("%s: %s arrived as %s", name, to, u)
		}
	}
}

// redirected returns a request for the last of urls, reached by redirects through the others.
func redirected(t *testing.T, urls ...string) *http.Request {
	t.Helper()
	var req *http.Request
	for _, u := range urls {
		next := &http.Request{Method: http.MethodGet, URL: parse(t, u), Header: http.Header{}}
		if req != nil {
			next.Response = &http.Response{Request: req}
		}
		req = next
	}
	return req
}

func TestEveryHopOfARedirectChainIsChecked(t *testing.T) {
	loop := strings.Split(strings.Repeat("https://registry.example/ ", 11), " ")
	for says, urls := range map[string][]string{
		"":                                {"https://registry.example/", "https://cdn.example/", "https://storage.example/"},
		"no limit was reached":            loop[:10],
		"stopped after 10 redirects":      loop[:11],
		"from https to http":              {"http://registry.example/", "https://cdn.example/", "http://storage.example/"},
		"private address 10.0.0.1":        {"https://registry.example/", "https://cdn.example/", "https://10.0.0.1/"},
		"private address 10.0.0.5":        {"https://10.0.0.5/", "https://cdn.example/", "https://10.0.0.5/"},
		"private address 10.0.0.7":        {"https://registry.example/", "https://10.0.0.7/", "https://10.0.0.7:9000/"},
		"private address 192.168.0.1":     {"https://10.0.0.5/", "https://192.168.0.1/"},
		"go from https to http: no, same": {"http://10.0.0.5/", "http://10.0.0.5:9000/"},
	} {
		w := &wire{}
		resp, err := guard.Transport{Base: w}.RoundTrip(redirected(t, urls...))
		if err == nil {
			resp.Body.Close()
		}
		fine := says == "" || strings.HasPrefix(says, "no limit") || strings.HasSuffix(says, "same")
		if (err == nil) != fine || !fine && !strings.Contains(err.Error(), says) || len(w.sent) == 1 != fine {
			t.Errorf("%q: got %v", says, err)
		}
	}
}

func TestARedirectThatWouldTurnAPutIntoAGetIsNotFollowed(t *testing.T) {
	for _, tc := range []struct {
		method string
		status int
		kept   bool
	}{
		{http.MethodGet, 301, true},
		{http.MethodGet, 302, true},
		{http.MethodGet, 303, true},
		{http.MethodHead, 302, true},
		{http.MethodPut, 307, true},
		{http.MethodPost, 308, true},
		{http.MethodPost, 202, true},
		{http.MethodPost, 201, true},
		{http.MethodPut, 301, false},
		{http.MethodPost, 302, false},
		{http.MethodPatch, 303, false},
		{http.MethodDelete, 302, false},
	} {
		header, err := send(t, guard.Transport{Base: answering(tc.status, "Location", "/there")}, tc.method, "https://registry.example/", nil)
		if err != nil || (header.Get("Location") != "") != tc.kept {
			t.Errorf("%s %d: got %v, %v", tc.method, tc.status, header, err)
		}
	}
}

func TestLocationIsWhereToUpload(t *testing.T) {
	const secure, plain = "https://registry.example/v2/a/blobs/uploads/", "http://registry.example/v2/a/blobs/uploads/"
	for i, tc := range []struct{ from, location, want, says string }{
		{secure, "/v2/a/blobs/uploads/1", secure + "1", ""},
		{secure, "1?_state=x%2Fy", secure + "1?_state=x%2Fy", ""},
		{secure, "?_state=x", secure + "?_state=x", ""},
		{secure, "https://registry.example/u/1?a=b", "https://registry.example/u/1?a=b", ""},
		{secure, "http://registry.example/u/1", "https://registry.example/u/1", ""}, // a proxy ends TLS
		{secure, "//storage.example/1", "https://storage.example/1", ""},
		{secure, "https://storage.example/1", "https://storage.example/1", ""},
		{plain, "https://registry.example/u/1", "http://registry.example/u/1", ""},
		{secure, "https://registry.example:443/u/1", "https://registry.example/u/1", ""},
		{secure, "http://REGISTRY.example:80/u/1", "https://registry.example/u/1", ""},
		{plain, "https://storage.example/u/1", "https://storage.example/u/1", ""},
		{secure, "http://registry.example:5000/u/1", "", "from https to http"},
		{secure, "http://storage.example/1", "", "from https to http"},
		{secure, "https://10.0.0.1/1", "", "private"},
		{secure, "https://127.1/1", "", "private"},
		{secure, "ftp://storage.example/1", "", "ftp"},
		{secure, "mailto:someone@registry.example", "", "mailto"},
		{secure, "", "", "no Location"},
		{secure, "http://%zz/?sig=s3cret", "", "not a URL"},
		{secure, "https://registry.example:port/?sig=s3cret", "", "not a URL"},
	} {
		resp := &http.Response{Header: http.Header{"Location": {tc.location}}, Request: &http.Request{URL: parse(t, tc.from)}}
		to, err := guard.Transport{}.Location(resp)
		switch {
		case tc.says != "":
			if err == nil || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%d: %s: got %v, %v", i, tc.location, to, err)
			}
		case err != nil || to.String() != tc.want:
			t.Errorf("%s: got %v, %v, want %s", strconv.Quote(tc.location), to, err, tc.want)
		}
	}
}
