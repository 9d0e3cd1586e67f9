package guard

import (
	"net/http"
	"net/netip"
	"net/url"
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
	if said := resp.Header.Get("Location"); said != "" {
		if location, err := url.Parse(said); err == nil && t.rewriteHost(location, asked) {
			resp.Header.Set("Location", location.String())
		}
	}
	// A challenge says where to get tokens (RFC 6750, section 3), and a Link leads to the next page of
	// a list (RFC 8288).
	t.rewriteURLs(resp.Header.Values("Www-Authenticate"), `realm="`, `"`, asked)
	t.rewriteURLs(resp.Header.Values("Link"), "<", ">", asked)
}

// rewriteURLs rewrites the URLs in header values, which stand between begin and end.
func (t Transport) rewriteURLs(values []string, begin, end string, asked *http.Request) {
	for i, v := range values {
		values[i] = replaceBetween(v, begin, end, func(text string) string {
			if u, err := url.Parse(text); err == nil && t.rewriteHost(u, asked) {
				return u.String()
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

// Undisguise restores the addresses in a text, such as an error message, that contains disguises.
func Undisguise(text string) string {
	return replaceBefore(text, "0123456789abcdefx-", disguiseDomain, func(host string) string {
		if addr, ok := decodeAddr(strings.TrimSuffix(host, disguiseDomain)); ok {
			return addr.String()
		}
		return host
	})
}
