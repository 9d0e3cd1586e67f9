package leioci

import "regexp"

// secretText matches what must not be shown of an error: the query of a URL, which is the credential where a registry
// redirects to its storage or says where to upload, and a token server's answer, which go-containerregistry quotes.
var secretText = regexp.MustCompile(`(\?)[^\s"]+|(no token in bearer response:)(?s:.*)`)

// redact returns err with a text that shows no secret. Texts are looked at, and not the errors in the chain, because
// there may be several of net/http's, nested where [errors.As] does not reach.
func redact(err error) error {
	text := err.Error()
	if clean := secretText.ReplaceAllString(text, "$1$2..."); clean != text {
		return &redacted{clean, err}
	}
	return err
}

// redacted is an error with another text.
type redacted struct {
	text string
	err  error
}

func (r *redacted) Error() string { return r.text }
func (r *redacted) Unwrap() error { return r.err }
