package guard

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
)

// maxHops is more than any registry needs to send a client to its storage, and what net/http has.
const maxHops = 10

// checkRedirect refuses a request that a redirect should not have caused: the hop too many, and what [Transport.Follow]
// refuses. go-containerregistry's own clients have no limit of hops, and let a registry that was asked over https move
// everything, credentials included, to http.
func (t Transport) checkRedirect(req *http.Request) error {
	if cause(req) == nil {
		return nil
	}
	first, hops := req, 0
	for c := cause(first); c != nil; c = cause(first) {
		first = c
		if hops++; hops >= maxHops {
			return fmt.Errorf("stopped after %d redirects", maxHops)
		}
	}
	if err := t.Follow(cause(req).URL, req.URL); err != nil {
		return err
	}
	return t.Follow(first.URL, req.URL)
}

// cause returns the request whose answer redirected to req, or nil.
func cause(req *http.Request) *http.Request {
	if req.Response == nil {
		return nil
	}
	return req.Response.Request
}

// Follow returns an error if an answer from one URL must not send its client to another: from https to http, or to an
// address of a private network that the registry was not reached at. A registry could make its clients ask what only
// they can reach, such as a cloud's metadata service. Names are not looked up.
func (t Transport) Follow(from, to *url.URL) error {
	if from.Scheme == "https" && to.Scheme != "https" {
		return fmt.Errorf("refused to go from https to %s", to.Scheme)
	}
	if to.Scheme != "https" && to.Scheme != "http" {
		return fmt.Errorf("refused to go to a URL of scheme %q", to.Scheme)
	}
	if err := checkHost(to); err != nil {
		return err
	}
	addr, ok := literal(to.Hostname())
	if !ok || to.Hostname() == from.Hostname() || !private(addr) || t.allowed(addr) {
		return nil
	}
	return fmt.Errorf("refused to go from %s to the private address %s (if it belongs to the registry, allow it with "+
		"WithPrivateRedirects, --allow-private-redirects)", from.Host, addr)
}

func (t Transport) allowed(addr netip.Addr) bool {
	for _, p := range t.Private {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// becomesGet reports whether net/http would follow an answer with a GET where something else was asked. A login page
// that answers the GET with 200 would then pass for a blob or a manifest that was put.
func becomesGet(method string, status int) bool {
	if method == http.MethodGet || method == http.MethodHead {
		return false
	}
	return status == http.StatusMovedPermanently || status == http.StatusFound || status == http.StatusSeeOther
}

// Location returns where an answer that opens an upload says to send the content (OCI distribution specification,
// "Pushing a blob monolithically"): a URL or a path.
func (t Transport) Location(resp *http.Response) (*url.URL, error) {
	location := resp.Header.Get("Location")
	if location == "" {
		return nil, errors.New("the registry opened an upload and did not say where (no Location)")
	}
	to, err := url.Parse(location)
	if err != nil {
		return nil, errors.New("the registry opened an upload at what is not a URL") // which may be a credential
	}
	from := resp.Request.URL
	to = from.ResolveReference(to)
	if to.Host == from.Host { // a proxy in front of a registry that does not know of TLS
		to.Scheme = from.Scheme
	}
	return to, t.Follow(from, to)
}
