package guard

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// maxHops is net/http's own limit, and more than any registry needs to send a client to its
// storage.
const maxHops = 10

// checkRedirect refuses a request that a redirect should not have caused: one hop too many, or a
// target that [Transport.Follow] refuses. go-containerregistry's own clients do not limit the
// number of hops, and they let a registry that was reached over https move everything, credentials
// included, to http.
func (t Transport) checkRedirect(req *http.Request) error {
	if redirectedFrom(req) == nil {
		return nil
	}
	first, hops := req, 0
	for c := redirectedFrom(first); c != nil; c = redirectedFrom(first) {
		first = c
		if hops++; hops >= maxHops {
			return fmt.Errorf("stopped after %d redirects", maxHops)
		}
	}
	if err := t.Follow(redirectedFrom(req).URL, req.URL); err != nil {
		return err
	}
	return t.Follow(first.URL, req.URL)
}

// checkPrivate refuses a request for a private address that is not the registry's own. Not only
// redirects lead there: a registry also says where its token server is.
func (t Transport) checkPrivate(req *http.Request) error {
	if t.Registry == "" {
		return nil
	}
	return t.checkAddress(t.Registry, req.URL)
}

// redirectedFrom returns the request whose response redirected to req, or nil.
func redirectedFrom(req *http.Request) *http.Request {
	if req.Response == nil {
		return nil
	}
	return req.Response.Request
}

// Follow returns an error if a response from one URL must not send the client to another: from
// https to http, or to a private address other than the host that the client asked. Otherwise a
// registry could make its clients request what only they can reach, such as a cloud's metadata
// service. Follow does not resolve names.
func (t Transport) Follow(from, to *url.URL) error {
	from, to = t.undisguiseURL(from), t.undisguiseURL(to)
	if from.Scheme == "https" && to.Scheme != "https" {
		return fmt.Errorf("refusing to switch from https to %s", to.Scheme)
	}
	if to.Scheme != "https" && to.Scheme != "http" {
		return fmt.Errorf("refusing URL with scheme %q", to.Scheme)
	}
	if err := checkHost(to); err != nil {
		return err
	}
	return t.checkAddress(from.Host, to)
}

// checkAddress returns an error if a registry, given as host or host:port, must not send the client
// to a URL, because that is at a private address. The names of this machine count as its address.
func (t Transport) checkAddress(registry string, to *url.URL) error {
	host := (&url.URL{Host: registry}).Hostname()
	addr, ok := literal(to.Hostname())
	if !ok && Loopback(to.Hostname()) && !Loopback(host) {
		addr, ok = netip.AddrFrom4([4]byte{127, 0, 0, 1}), true
	}
	if !ok || sameName(to.Hostname(), host) || !isPrivate(addr) || t.allowed(addr) {
		return nil
	}
	return fmt.Errorf("refusing to go from %s to private address %s (if it belongs to the registry, allow it with %w)",
		registry, addr, errdef.PrivateRedirects)
}

func (t Transport) allowed(addr netip.Addr) bool {
	for _, p := range t.Private {
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96) // addr is never in that form
		}
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// own reports whether addr is the registry's own address.
func (t Transport) own(addr netip.Addr) bool {
	registry, ok := literal((&url.URL{Host: t.Registry}).Hostname())
	return ok && registry == addr
}

// becomesGet reports whether net/http would follow the response to a request with a GET, although
// the request used another method. A login page that answers the GET with 200 would then look like
// an uploaded blob or manifest.
func becomesGet(method string, status int) bool {
	if method == http.MethodGet || method == http.MethodHead {
		return false
	}
	return status == http.StatusMovedPermanently || status == http.StatusFound || status == http.StatusSeeOther
}

// Location returns the URL to upload content to, from the response that opened an upload. The
// header holds a URL or a path (OCI distribution specification, "Pushing a blob monolithically").
func (t Transport) Location(resp *http.Response) (*url.URL, error) {
	location := resp.Header.Get("Location")
	if location == "" {
		return nil, errors.New("registry opened an upload but sent no Location")
	}
	to, err := url.Parse(location)
	if err != nil {
		// err would show the Location, which may be a credential.
		return nil, errors.New("registry opened an upload at a Location that is not a URL")
	}
	from := resp.Request.URL
	to = from.ResolveReference(to)
	if sameServer(from, to) { // behind a proxy that ends TLS, a registry may answer with http
		to.Scheme, to.Host = from.Scheme, from.Host
	}
	return to, t.Follow(from, to)
}
