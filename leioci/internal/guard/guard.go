// Package guard refuses requests that a registry's client must not send, whichever library above it
// made them: those that carry credentials in clear text, and those to a place where a registry
// should not have sent the client.
package guard

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// Transport sends requests through Base and refuses unsafe ones.
type Transport struct {
	Base http.RoundTripper
	// PlainHTTP lists the registries, as host or host:port, that use http, and never https.
	PlainHTTP []string
	// Private lists the private networks that a registry on another host may redirect to.
	Private []netip.Prefix
}

// RoundTrip implements [http.RoundTripper].
func (t Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	req = t.undisguiseRequest(req)
	err := checkHost(req.URL)
	if err == nil {
		err = t.checkRedirect(req)
	}
	if err == nil {
		err = t.checkScheme(req)
	}
	if err != nil {
		if req.Body != nil {
			_ = req.Body.Close() // a RoundTripper must close it, even on errors
		}
		return nil, err
	}
	resp, err := t.Base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if becomesGet(req.Method, resp.StatusCode) {
		resp.Header.Del("Location") // so that net/http returns the response instead of following it
	}
	t.disguiseResponse(resp)
	return resp, nil
}

func (t Transport) usesPlainHTTP(host string) bool {
	for _, h := range t.PlainHTTP {
		if strings.EqualFold(h, host) {
			return true
		}
	}
	return false
}

// checkScheme refuses https to a registry configured for http. It also refuses to send credentials
// over http, except to this machine and to the registries that the user configured for http. A form
// counts as credentials: OAuth 2 exchanges them for a token in one.
func (t Transport) checkScheme(req *http.Request) error {
	plain := t.usesPlainHTTP(req.URL.Host)
	if plain && req.URL.Scheme == "https" {
		return errors.New("refusing https: registry is configured for plain HTTP")
	}
	if req.URL.Scheme != "http" || plain || Loopback(req.URL.Hostname()) {
		return nil
	}
	hasCredentials := req.Header.Get("Authorization") != "" || req.Header.Get("Cookie") != "" ||
		strings.HasPrefix(req.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
	if !hasCredentials {
		return nil
	}
	return fmt.Errorf("%w: credentials for %s would be sent in clear text over http (use https, or allow it with "+
		"WithPlainHTTP, --plain-http)", errdef.ErrInsecure, req.URL.Host)
}
