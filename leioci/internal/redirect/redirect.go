// Package redirect keeps net/http from following the redirects that a registry's client must not follow, whichever
// http.Client above it does the following: go-containerregistry's own have no limit of hops, and let a registry that was
// asked over https move everything, credentials included, to http.
package redirect

import (
	"fmt"
	"net/http"
)

// maxHops is more than any registry needs to send a client to its storage.
const maxHops = 10

// Transport sends requests through Base, but not those that a redirect should not have caused.
type Transport struct{ Base http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (t Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := check(req); err != nil {
		if req.Body != nil {
			_ = req.Body.Close() // a RoundTripper closes it, whatever happens
		}
		return nil, err
	}
	resp, err := t.Base.RoundTrip(req)
	if err == nil && becomesGet(req.Method, resp.StatusCode) {
		resp.Header.Del("Location") // so that the answer is taken for what it is, not followed
	}
	return resp, err
}

// check refuses the hop too many, and any from https to http.
func check(req *http.Request) error {
	if req.Response != nil && req.Response.Request != nil && req.Response.Request.URL.Scheme == "https" && req.URL.Scheme != "https" {
		return fmt.Errorf("refused a redirect from https to %s", req.URL.Scheme)
	}
	hops := 0
	for r := req; r.Response != nil && r.Response.Request != nil; r = r.Response.Request {
		if hops++; hops > maxHops {
			return fmt.Errorf("stopped after %d redirects", maxHops)
		}
	}
	return nil
}

// becomesGet reports whether net/http would follow an answer with a GET where something else was asked. A login page
// that answers the GET with 200 would then pass for a blob or a manifest that was put.
func becomesGet(method string, status int) bool {
	if method == http.MethodGet || method == http.MethodHead {
		return false
	}
	return status == http.StatusMovedPermanently || status == http.StatusFound || status == http.StatusSeeOther
}
