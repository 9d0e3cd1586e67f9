package guard

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
)

// go-containerregistry v0.22.1 refuses every private address that a registry on another host names,
// both as a redirect target (remote/fetcher.go, checkRedirectSSRF) and as a token server
// (remote/transport/bearer.go, validateRealmURL). It has no option for networks where such
// addresses are legitimate. So guard replaces an allowed private address with a name before
// go-containerregistry sees it, and turns the name back into the address before the request is
// sent.
const disguiseDomain = ".private.leioci.invalid" // RFC 6761: .invalid names never resolve

// disguiseResponse replaces the allowed private addresses in a response with names.
func (t Transport) disguiseResponse(resp *http.Response) {
	if len(t.Private) == 0 {
		return
	}
	if location, err := url.Parse(resp.Header.Get("Location")); err == nil && t.disguiseURL(location) {
		resp.Header.Set("Location", location.String())
	}
	challenges := resp.Header.Values("WWW-Authenticate")
	for i, c := range challenges {
		challenges[i] = realmParam.ReplaceAllStringFunc(c, func(param string) string {
			m := realmParam.FindStringSubmatch(param)
			if u, err := url.Parse(m[2]); err == nil && t.disguiseURL(u) {
				return m[1] + u.String() + m[3]
			}
			return param
		})
	}
}

// realmParam matches the part of a challenge that says where to get tokens (RFC 6750, section 3).
var realmParam = regexp.MustCompile(`(?i)(realm=")([^"]*)(")`)

// disguiseURL replaces u's host with a name if it is an allowed private address.
func (t Transport) disguiseURL(u *url.URL) bool {
	addr, ok := literal(u.Hostname())
	if !ok || !isPrivate(addr) || !t.allowed(addr) {
		return false
	}
	host := strings.NewReplacer(".", "-", ":", "x").Replace(addr.StringExpanded()) + disguiseDomain
	if port := u.Port(); port != "" {
		host = net.JoinHostPort(host, port)
	}
	u.Host = host
	return true
}

// undisguiseRequest returns req as it is sent over the network.
func (t Transport) undisguiseRequest(req *http.Request) *http.Request {
	host, disguised := t.undisguiseHost(req.URL.Host)
	if !disguised {
		return req
	}
	sent := req.Clone(req.Context())
	sent.URL.Host, sent.Host = host, host
	return sent
}

// undisguiseHost returns the real host, and whether host was a disguise. A registry gains nothing
// by naming a disguise itself: only allowed addresses are recovered.
func (t Transport) undisguiseHost(host string) (string, bool) {
	name, port, _ := strings.Cut(host, ":")
	encoded, ok := strings.CutSuffix(name, disguiseDomain)
	if !ok {
		return host, false
	}
	addr, ok := decodeAddr(encoded)
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

// decodeAddr returns the address that a name stands for.
func decodeAddr(encoded string) (netip.Addr, bool) {
	return literal(strings.NewReplacer("-", ".", "x", ":").Replace(encoded))
}

// disguisedName finds disguises in a text.
var disguisedName = regexp.MustCompile(`([0-9a-fx-]+)` + regexp.QuoteMeta(disguiseDomain))

// Undisguise restores the addresses in a text, such as an error message, that contains disguises.
func Undisguise(text string) string {
	return disguisedName.ReplaceAllStringFunc(text, func(host string) string {
		if addr, ok := decodeAddr(strings.TrimSuffix(host, disguiseDomain)); ok {
			return addr.String()
		}
		return host
	})
}
