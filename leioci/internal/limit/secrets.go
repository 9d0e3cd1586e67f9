package limit

import (
	"io"
	"net/http"
	"net/url"
	"strings"
)

// secrets returns what must not be shown of the credentials that req carries, as they are and as URLs have them.
func secrets(req *http.Request) []string {
	carried := formSecrets(req)
	if _, credential, ok := strings.Cut(req.Header.Get("Authorization"), " "); ok {
		carried = append(carried, credential)
	}
	if _, password, ok := req.BasicAuth(); ok {
		carried = append(carried, password)
	}
	var all []string
	for _, secret := range carried {
		if secret != "" {
			all = append(all, secret, url.QueryEscape(secret))
		}
	}
	return all
}

// formSecrets returns those of the form that go-containerregistry gets a token with (OAuth 2; remote/transport/bearer.go).
func formSecrets(req *http.Request) []string {
	if req.GetBody == nil || !strings.HasPrefix(req.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return nil
	}
	body, err := req.GetBody()
	if err != nil {
		return nil // it was sent, so that it can be opened; and if not, the registry has nothing to repeat
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, maxErrorBytes)) // a registry's answer repeats no more
	form, parseErr := url.ParseQuery(string(text))
	if err != nil || parseErr != nil {
		return nil
	}
	return append(form["refresh_token"], form["password"]...)
}
