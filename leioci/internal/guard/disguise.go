package guard

import (
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

// rewriteHosts lets the layers above see one spelling of each host that a response names. They
// compare hosts as strings, to tell whether credentials belong there. So the server that was asked,
// or one that redirected to it, gets the name under which it was asked, and another private address
// that is allowed gets a name that is none.
func (t Transport) rewriteHosts(resp *http.Response, asked *http.Request) {
	if location, err := url.Parse(resp.Header.Get("Location")); err == nil && t.rewriteHost(location, asked) {
		resp.Header.Set("Location", location.String())
	}
	t.rewriteParams(resp.Header.Values("WWW-Authenticate"), realmParam, asked)
	t.rewriteParams(resp.Header.Values("Link"), linkTarget, asked)
}

// rewriteParams rewrites the URLs in header values. The second group of the expression is the URL.
func (t Transport) rewriteParams(values []string, param *regexp.Regexp, asked *http.Request) {
	for i, v := range values {
		values[i] = param.ReplaceAllStringFunc(v, func(text string) string {
			m := param.FindStringSubmatch(text)
			if u, err := url.Parse(m[2]); err == nil && t.rewriteHost(u, asked) {
				return m[1] + u.String() + m[3]
			}
			return text
		})
	}
}

// rewriteHost reports whether it changed u.
func (t Transport) rewriteHost(u *url.URL, asked *http.Request) bool {
	if u.Host == "" {
		return false
	}
	for r := asked; r != nil; r = redirectedFrom(r) {
		if sameServer(t.undisguiseURL(r.URL), u) {
			changed := u.Host != r.URL.Host
			u.Host = r.URL.Host
			return changed
		}
	}
	return t.disguiseURL(u)
}

// realmParam matches the part of a challenge that says where to get tokens (RFC 6750, section 3).
var realmParam = regexp.MustCompile(`(?i)(realm=")([^"]*)(")`)

// linkTarget matches the URL in a Link header, which leads to the next page of a list (RFC 8288).
var linkTarget = regexp.MustCompile(`(<)([^>]*)(>)`)

// disguiseURL replaces u's host with a name if it is an allowed private address.
func (t Transport) disguiseURL(u *url.URL) bool {
	addr, ok := literal(u.Hostname())
	if !ok || !isPrivate(addr) || !t.allowed(addr) && !t.own(addr) {
		return false
	}
	u.Host = hostPort(strings.NewReplacer(".", "-", ":", "x").Replace(addr.StringExpanded())+disguiseDomain, u.Port())
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

// undisguiseURL returns u with its real host.
func (t Transport) undisguiseURL(u *url.URL) *url.URL {
	host, disguised := t.undisguiseHost(u.Host)
	if !disguised {
		return u
	}
	actual := *u
	actual.Host = host
	return &actual
}

// undisguiseHost returns the real host, and whether host was a disguise. A registry gains nothing
// by naming a disguise itself: only allowed addresses, and its own, are recovered.
func (t Transport) undisguiseHost(host string) (string, bool) {
	name, port, _ := strings.Cut(host, ":")
	encoded, ok := strings.CutSuffix(name, disguiseDomain)
	if !ok {
		return host, false
	}
	addr, ok := decodeAddr(encoded)
	if !ok || !t.allowed(addr) && !t.own(addr) {
		return host, false
	}
	return hostPort(addr.String(), port), true
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
