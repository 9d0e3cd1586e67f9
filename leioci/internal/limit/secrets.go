package limit

import (
	"cmp"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// minSecret is the length in bytes from which on a secret is looked for. Whatever is shorter is
// found in every text, by chance, and protects nothing. A short password is still removed together
// with its user name, and in an Authorization header.
const minSecret = 4

// credentials returns the credentials that req carries and that must not be shown.
func credentials(req *http.Request) []string {
	all := formSecrets(req)
	if _, credential, ok := strings.Cut(req.Header.Get("Authorization"), " "); ok {
		all = append(all, strings.TrimSpace(credential))
	}
	for _, cookie := range req.Cookies() {
		all = append(all, cookie.Value)
	}
	if user, password, ok := req.BasicAuth(); ok {
		all = append(all, user+":"+password, password)
	}
	return all
}

// proxyCredentials returns those that the transport shows the proxy of a request. A proxy responds
// in place of a registry.
func (t Transport) proxyCredentials(req *http.Request) []string {
	if t.Proxy == nil {
		return nil
	}
	proxy, err := t.Proxy(req)
	if err != nil || proxy == nil {
		return nil
	}
	password, ok := proxy.User.Password()
	if !ok {
		return nil
	}
	return []string{proxy.User.Username() + ":" + password, password}
}

// encoded returns secrets together with those of their encodings that are no encodings of single
// characters, the longest first.
func encoded(secrets []string) []string {
	all := slices.Clone(secrets)
	for _, secret := range secrets {
		if len(secret) >= minSecret {
			all = append(all, wholes(secret)...)
		}
	}
	all = slices.DeleteFunc(all, func(secret string) bool { return len(secret) < minSecret })
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	return slices.Compact(all)
}

// formSecrets returns the credentials in the form with which go-containerregistry requests a token
// (OAuth 2; remote/transport/bearer.go): all values but those of fields that are known to hold
// none.
func formSecrets(req *http.Request) []string {
	if req.GetBody == nil || !strings.HasPrefix(strings.ToLower(req.Header.Get("Content-Type")), "application/x-www-form-urlencoded") {
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
	return unknownValues(form, 1)
}

// querySecrets returns what may be a credential in the URL of req: it may be a signed one, of a
// storage, or that of an upload.
func querySecrets(req *http.Request) []string {
	if req.URL == nil {
		return nil
	}
	const shortest = 16 // of a signature, or of the state of an upload; "pull" is none
	return unknownValues(req.URL.Query(), shortest)
}

// unknownValues returns the values, of a length or longer, of fields that are not known to be
// harmless.
func unknownValues(fields url.Values, shortest int) []string {
	var all []string
	for name, values := range fields {
		switch name {
		case "grant_type", "service", "scope", "client_id", "access_type", "username", "account", "digest", "mount", "from", "n", "last":
			continue
		}
		for _, v := range values {
			if len(v) >= shortest {
				all = append(all, v)
			}
		}
	}
	return all
}
