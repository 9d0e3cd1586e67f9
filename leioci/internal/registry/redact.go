package registry

import (
	"regexp"

	"github.com/lowendinsight/lei-go/leioci/internal/guard"
)

// secretText matches what must not be shown of an error: the query of a URL, which is the credential where a registry
// redirects to its storage or says where to upload, and a token server's answer, which go-containerregistry quotes.
var secretText = regexp.MustCompile(`(\?)[^\s")][^\s"]*|(no token in bearer response:)(?s:.*)`)

// Redact returns err with a text that shows no secret. Texts are looked at, and not the errors in the chain, because
// there may be several of net/http's, nested where [errors.As] does not reach.
//
// A text is cut short, too: a registry may answer with a page of HTML.
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

// What go-containerregistry quotes of an answer and nobody wants to read: a page that was made for people, up to the
// end of its line or of all, and a registry's details, printed as Go prints a map.
var (
	page   = regexp.MustCompile(`(?is)<(!doctype\s+)?html.*?(</html>\s*|$)`)
	detail = regexp.MustCompile(`; \[?map\[[^\]]*\]\]?`)
)

// maxErrorText is enough for several errors of a registry, each with its detail.
const maxErrorText = 2 << 10

// redacted is an error with another text.
type redacted struct {
	text string
	err  error
}

func (r *redacted) Error() string { return r.text }
func (r *redacted) Unwrap() error { return r.err }
