package guard

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
)

// go-containerregistry v0.22.1 refuses every private address that a registry on another host names, as the target of a
// redirect (remote/fetcher.go, checkRedirectSSRF) and as a token server (remote/transport/bearer.go, validateRealmURL),
// and has no option for the networks where that is right. So what is allowed here passes through it under a name, which
// becomes the address again on its way to the wire.
const disguiseDomain = ".private.leioci.invalid" // RFC 6761: no such name exists

// disguise gives the allowed private addresses that an answer names a name.
func (t Transport) disguise(resp *http.Response) {
	if len(t.Private) == 0 {
		return
	}
	if location, err := url.Parse(resp.Header.Get("Location")); err == nil && t.hide(location) {
		resp.Header.Set("Location", location.String())
	}
	challenges := resp.Header.Values("WWW-Authenticate")
	for i, c := range challenges {
		challenges[i] = realm.ReplaceAllStringFunc(c, func(param string) string {
			m := realm.FindStringSubmatch(param)
			if u, err := url.Parse(m[2]); err == nil && t.hide(u) {
				return m[1] + u.String() + m[3]
			}
			return param
		})
	}
}

// realm is where a challenge says that tokens are to be had (RFC 6750, section 3).
var realm = regexp.MustCompile(`(?i)(realm=")([^"]*)(")`)

// hide puts a name in the place of u's host if that is an allowed private address.
func (t Transport) hide(u *url.URL) bool {
	addr, ok := literal(u.Hostname())
	if !ok || !private(addr) || !t.allowed(addr) {
		return false
	}
	host := strings.NewReplacer(".", "-", ":", "x").Replace(addr.StringExpanded()) + disguiseDomain
	if port := u.Port(); port != "" {
		host = net.JoinHostPort(host, port)
	}
	u.Host = host
	return true
}

// undisguised returns req as it goes over the wire.
func (t Transport) undisguised(req *http.Request) *http.Request {
	host, disguised := t.undisguise(req.URL.Host)
	if !disguised {
		return req
	}
	sent := req.Clone(req.Context())
	sent.URL.Host, sent.Host = host, host
	return sent
}

// undisguise returns the host that host is, and whether it was disguised. A registry that names such a name itself gets
// no further than with the address.
func (t Transport) undisguise(host string) (string, bool) {
	name, port, _ := strings.Cut(host, ":")
	hidden, ok := strings.CutSuffix(name, disguiseDomain)
	if !ok {
		return host, false
	}
	addr, ok := revealed(hidden)
	if !ok || !t.allowed(addr) {
		return host, false
	}
	if port != "" {
		return net.JoinHostPort(addr.String(), port), true
	}
	if addr.Is6() {
		return "[" + addr.String() + "]", true
	}
	return addr.String(), true
}

// revealed returns the address that a name hides.
func revealed(hidden string) (netip.Addr, bool) {
	return literal(strings.NewReplacer("-", ".", "x", ":").Replace(hidden))
}

// disguised finds the names in a text.
var disguised = regexp.MustCompile(`([0-9a-fx-]+)` + regexp.QuoteMeta(disguiseDomain))

// Undisguise returns a text, such as an error's, with addresses in place of the names that were given to them.
func Undisguise(text string) string {
	return disguised.ReplaceAllStringFunc(text, func(host string) string {
		if addr, ok := revealed(strings.TrimSuffix(host, disguiseDomain)); ok {
			return addr.String()
		}
		return host
	})
}
