// Package guard refuses requests that a registry's client must not send, whichever library above it
// made them: those that carry credentials in clear text, and those to a place where a registry
// should not have sent the client.
package guard

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// Transport sends requests through Base and refuses unsafe ones.
type Transport struct {
	Base http.RoundTripper
	// PlainHTTP lists the registries, as host or host:port, that use http, and never https.
	PlainHTTP []string
	// Private lists the private networks that a registry on another host may send its clients to.
	Private []netip.Prefix
	// Proxy returns the proxy that Base uses for a request, or nil ([http.Transport.Proxy]). Leave
	// it out if that is unknown.
	Proxy func(*http.Request) (*url.URL, error)
	// Registry is the host that the requests are for, as host or host:port. Its own address, on any
	// port, is never a private one: the client is there already. Without it, only redirects are
	// kept from private addresses.
	Registry string
}

// For returns the transport for the requests of one registry.
func (t Transport) For(registry string) Transport {
	t.Registry = registry
	return t
}

// RoundTrip implements [http.RoundTripper].
func (t Transport) RoundTrip(asked *http.Request) (*http.Response, error) {
	req := withoutReferer(t.undisguiseRequest(asked))
	if err := t.check(req); err != nil {
		if req.Body != nil {
			_ = req.Body.Close() // a RoundTripper must close it, even on errors
		}
		return nil, err
	}
	resp, err := t.Base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if req != asked {
		resp.Request = asked // whoever compares it with other requests knows only their spelling
	}
	if becomesGet(req.Method, resp.StatusCode) {
		resp.Header.Del("Location") // so that net/http returns the response instead of following it
	}
	t.rewriteHosts(resp, asked)
	return resp, nil
}

// check returns an error if a request must not be sent.
func (t Transport) check(req *http.Request) error {
	for _, check := range []func(*http.Request) error{
		func(req *http.Request) error { return checkHost(req.URL) }, t.checkRedirect, t.checkPrivate, t.checkCarried, t.checkScheme,
	} {
		if err := check(req); err != nil {
			return err
		}
	}
	return nil
}

// withoutReferer returns req without the header in which net/http tells a redirect's target the URL
// that led there. The query of that URL may be a credential: it is the signature of a signed URL,
// and the state of an upload.
func withoutReferer(req *http.Request) *http.Request {
	if req.Header.Get("Referer") == "" {
		return req
	}
	sent := req.WithContext(req.Context())
	sent.Header = req.Header.Clone()
	sent.Header.Del("Referer")
	return sent
}

// UsesPlainHTTP reports whether a registry is one of those that use http, and never https.
func (t Transport) UsesPlainHTTP(registry string) bool {
	for _, h := range t.PlainHTTP {
		if SameHost(h, registry, "http") {
			return true
		}
	}
	return false
}

// checkScheme refuses https to a registry configured for http. It also refuses to send credentials
// over http, except to this machine, if they really stay on it, and to the registries that the user
// configured for http.
func (t Transport) checkScheme(req *http.Request) error {
	host := req.URL.Host
	if req.URL.Scheme == "https" && req.URL.Port() == "443" {
		host = hostPort(req.URL.Hostname(), "") // no other server than https://host
	}
	plain := t.UsesPlainHTTP(host)
	if plain && req.URL.Scheme == "https" {
		return errors.New("refusing https: registry is configured for plain HTTP")
	}
	if req.URL.Scheme != "http" || plain || !hasCredentials(req) || t.staysHere(req) {
		return nil
	}
	if Loopback(req.URL.Hostname()) {
		return fmt.Errorf("%w: credentials for %s could be sent in clear text to a proxy (exempt it from the proxy, or "+
			"allow it with %w)", errdef.ErrInsecure, req.URL.Host, errdef.PlainHTTP)
	}
	return fmt.Errorf("%w: credentials for %s would be sent in clear text over http (use https, or allow it with %w)",
		errdef.ErrInsecure, req.URL.Host, errdef.PlainHTTP)
}
