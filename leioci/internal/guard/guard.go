// Package guard refuses the requests that a registry's client must not send, whichever library above it made them:
// credentials in clear text, and where a registry should not have sent it.
package guard

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// Transport sends requests through Base, and refuses some.
type Transport struct {
	Base http.RoundTripper
	// PlainHTTP are the registries, host or host:port, that are spoken to over http, and never over https.
	PlainHTTP []string
	// Private are the private networks that a registry on another host may redirect to.
	Private []netip.Prefix
}

// RoundTrip implements [http.RoundTripper].
func (t Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	req = t.undisguised(req)
	err := checkHost(req.URL)
	if err == nil {
		err = t.checkRedirect(req)
	}
	if err == nil {
		err = t.checkScheme(req)
	}
	if err != nil {
		if req.Body != nil {
			_ = req.Body.Close() // a RoundTripper closes it, whatever happens
		}
		return nil, err
	}
	resp, err := t.Base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if becomesGet(req.Method, resp.StatusCode) {
		resp.Header.Del("Location") // so that the answer is taken for what it is, not followed
	}
	t.disguise(resp)
	return resp, nil
}

func (t Transport) plain(host string) bool {
	for _, h := range t.PlainHTTP {
		if strings.EqualFold(h, host) {
			return true
		}
	}
	return false
}

// checkScheme refuses https where http was asked for, and to send a credential over http, save to this machine and to the
// registries for which the user asked for it. A form is what credentials are exchanged for a token in (OAuth 2).
func (t Transport) checkScheme(req *http.Request) error {
	plain := t.plain(req.URL.Host)
	if plain && req.URL.Scheme == "https" {
		return errors.New("not asked, because this registry is to be spoken to over http")
	}
	if req.URL.Scheme != "http" || plain || Loopback(req.URL.Hostname()) {
		return nil
	}
	secret := req.Header.Get("Authorization") != "" || req.Header.Get("Cookie") != "" ||
		strings.HasPrefix(req.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
	if !secret {
		return nil
	}
	return fmt.Errorf("%w: %s is spoken to over http, and credentials would be sent in clear text (use https, or allow it "+
		"with WithPlainHTTP, --plain-http)", errdef.ErrInsecure, req.URL.Host)
}
