package registry

import (
	"regexp"

	"github.com/lowendinsight/lei-go/leioci/internal/guard"
)

// secretText matches the parts of an error that must not be shown: the query of a URL, which is a
// credential when a registry redirects to its storage or returns an upload location, and a token
// server's response, which go-containerregistry quotes.
var secretText = regexp.MustCompile(`(\?)[^\s")][^\s"]*|(no token in bearer response:)(?s:.*)`)

// Redact returns err with a text that reveals no secret. It edits the text rather than the errors
// in the chain because there may be several net/http errors, nested where [errors.As] does not
// reach.
//
// It also shortens the text: a registry may respond with a page of HTML.
func Redact(err error) error {
	text := err.Error()
	clean := guard.Undisguise(secretText.ReplaceAllString(text, "$1$2..."))
	clean = page.ReplaceAllString(clean, "a page of HTML (from a registry, or from a proxy or another server?)")
	clean = detail.ReplaceAllString(clean, "")
	if len(clean) > maxErrorText {
		clean = clean[:maxErrorText] + "..."
	}
	if clean != text {
		return &redacted{clean, err}
	}
	return err
}

// Parts of a response that go-containerregistry quotes and nobody wants to read: an HTML page, up
// to its closing tag or the end of the text, and the detail of a registry's error, which is printed
// as a Go map.
var (
	page   = regexp.MustCompile(`(?is)<(!doctype\s+)?html.*?(</html>\s*|$)`)
	detail = regexp.MustCompile(`; \[?map\[[^\]]*\]\]?`)
)

// maxErrorText leaves room for several registry errors, each with its detail.
const maxErrorText = 2 << 10

// redacted is an error with a different text.
type redacted struct {
	text string
	err  error
}

func (r *redacted) Error() string { return r.text }
func (r *redacted) Unwrap() error { return r.err }
