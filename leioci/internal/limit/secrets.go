package limit

import (
	"io"
	"net/http"
	"net/url"
	"strings"
)

// secrets returns the credentials that req carries and that must not be shown, both plain and
// URL-encoded.
func secrets(req *http.Request) []string {
	credentials := formSecrets(req)
	if _, credential, ok := strings.Cut(req.Header.Get("Authorization"), " "); ok {
		credentials = append(credentials, credential)
	}
	if _, password, ok := req.BasicAuth(); ok {
		credentials = append(credentials, password)
	}
	var all []string
	for _, secret := range credentials {
		if secret != "" {
			all = append(all, secret, url.QueryEscape(secret))
		}
	}
	return all
}

// formSecrets returns the credentials in the form with which go-containerregistry requests a token
// (OAuth 2; remote/transport/bearer.go).
func formSecrets(req *http.Request) []string {
	if req.GetBody == nil || !strings.HasPrefix(req.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return nil
	}
	body, err := req.GetBody()
	if err != nil {
		return nil // the body could not be sent either, so the registry has nothing to repeat
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, maxErrorBytes)) // no more of it can be in the error
	form, parseErr := url.ParseQuery(string(text))
	if err != nil || parseErr != nil {
		return nil
	}
	return append(form["refresh_token"], form["password"]...)
}
