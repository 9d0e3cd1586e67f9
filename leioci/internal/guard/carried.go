package guard

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// hasCredentials reports whether a request carries credentials.
func hasCredentials(req *http.Request) bool {
	return req.Header.Get("Authorization") != "" || req.Header.Get("Cookie") != "" || hasForm(req)
}

// hasForm reports whether a request sends a form. A form counts as credentials: OAuth 2 exchanges
// them for a token in one.
func hasForm(req *http.Request) bool {
	mediaType := strings.ToLower(strings.TrimSpace(req.Header.Get("Content-Type")))
	return strings.HasPrefix(mediaType, "application/x-www-form-urlencoded") || strings.HasPrefix(mediaType, "multipart/form-data")
}

// checkCarried refuses a request with which a redirect would carry credentials to another server.
// net/http repeats the body of a request after a 307 or 308, wherever that leads, and
// go-containerregistry asks token servers through it (remote/transport/bearer.go).
//
// The content of a blob or a manifest may be sent on. So may a token that go-containerregistry got,
// anonymously, from the target of the redirect, and the credentials that the URL itself holds.
func (t Transport) checkCarried(req *http.Request) error {
	first := req.URL
	repeated := false
	for r := redirectedFrom(req); r != nil; r = redirectedFrom(r) {
		first = t.undisguiseURL(r.URL)
		repeated = repeated || !staysAt(first, req.URL) && r.Header.Get("Authorization") == req.Header.Get("Authorization")
	}
	if staysAt(first, req.URL) {
		return nil
	}
	scheme, _, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	shown := scheme != "" && (repeated || !strings.EqualFold(scheme, "Bearer")) && !holdsCredentials(req)
	if !shown && req.Header.Get("Cookie") == "" && !hasForm(req) {
		return nil
	}
	return fmt.Errorf("refusing to send credentials for %s to %s, where it redirects", first.Host, req.URL.Host)
}

// staysAt reports whether a redirect leads to the same server. From http it may go to https.
func staysAt(from, to *url.URL) bool {
	return sameServer(from, to) && (from.Scheme == to.Scheme || to.Scheme == "https")
}

// holdsCredentials reports whether the credentials of a request are those that its URL holds.
func holdsCredentials(req *http.Request) bool {
	user, password, ok := req.BasicAuth()
	given, _ := req.URL.User.Password()
	return ok && req.URL.User != nil && user == req.URL.User.Username() && password == given
}
