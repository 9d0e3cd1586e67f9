package registry

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lowendinsight/lei-go/leioci/internal/guard"
	"github.com/lowendinsight/lei-go/leioci/internal/lazyregexp"
	"github.com/lowendinsight/lei-go/leioci/internal/limit"
)

// secretText matches the parts of an error that must not be shown: the query of a URL, which is a
// credential when a registry redirects to its storage or returns an upload location, and a token
// server's response, which go-containerregistry quotes.
var secretText = lazyregexp.New(`(\?)[^\s")][^\s"]*|(no token in bearer response:)(?s:.*)`)

// Texts in Go's quotes have another end than the next space or quotation mark. quotedQuery matches
// a URL with a query or a fragment, and notURL what is quoted because it could not be read: nobody
// can tell which part of that is a secret.
var (
	quotedQuery = lazyregexp.New(`("[^"\\\s?#]+[?#])(?:[^"\\]|\\.)+"`)
	notURL      = lazyregexp.New(`((?:failed to parse Location header|parsing realm|parse|invalid port) )"(?:[^"\\]|\\.)*"`)
)

// userinfo matches what stands before the host in a URL. A registry may redirect to one with a
// password.
var userinfo = lazyregexp.New(`://[^/\s"@]*@`)

// Redact returns err with a text that shows no secret and no control characters. Texts are looked
// at, and not the errors in the chain, because there may be several of net/http's, nested where
// [errors.As] does not reach.
//
// It also shortens the text: a registry may respond with a page of HTML.
func Redact(err error) error {
	text := err.Error()
	clean := xmlError().ReplaceAllStringFunc(text, shortenXML)
	clean = notURL().ReplaceAllString(clean, `$1"..."`)
	clean = quotedQuery().ReplaceAllString(clean, `$1..."`)
	clean = guard.Undisguise(secretText().ReplaceAllString(clean, "$1$2..."))
	clean = userinfo().ReplaceAllString(clean, "://...@")
	clean = page().ReplaceAllStringFunc(clean, shortenPage)
	clean = dropDetails(clean)
	clean = printable(clean, longest(err))
	if clean != text {
		return &redacted{clean, err}
	}
	return err
}

// hide returns err with a text that shows no credentials that were sent.
func hide(sent *limit.Sent, err error) error {
	if err == nil || sent.None() {
		return err
	}
	text := err.Error()
	if clean := sent.Hide(text); clean != text {
		if clean == "" {
			clean = "an error with too many encodings to be shown"
		}
		return &redacted{clean, err}
	}
	return err
}

// page matches an HTML page, up to its closing tag or the end of the text, and title its title.
var (
	page  = lazyregexp.New(`(?is)<(!doctype\s+)?html.*?(</html>\s*\n|</html>|$)`)
	title = lazyregexp.New(`(?i)<title>\s*([^<]{1,100})`)
)

// shortenPage returns the title of a page of HTML, which is all of it that anybody wants to read.
func shortenPage(text string) string {
	named := ""
	if m := title().FindStringSubmatch(text); m != nil {
		named = fmt.Sprintf(" titled %q", strings.TrimSpace(m[1]))
	}
	return "a page of HTML" + named + " (from a registry, or from a proxy or another server?)"
}

// detail matches where the detail of a registry's error begins, which go-containerregistry prints
// as a Go map.
var detail = lazyregexp.New(`; \[?map\[`)

// dropDetails removes the details of errors, however deep they are.
func dropDetails(text string) string {
	for {
		begin := detail().FindStringIndex(text)
		if begin == nil {
			return text
		}
		end := begin[0] + len("; ")
		for depth := 0; end < len(text); {
			switch text[end] {
			case '[':
				depth++
			case ']':
				depth--
			}
			end++
			if depth == 0 && text[end-1] == ']' {
				break
			}
		}
		text = text[:begin[0]] + text[end:]
	}
}

// What a storage sends in place of a registry's JSON, such as S3's, and what of it says why.
var (
	xmlError   = lazyregexp.New(`(?s)(<\?xml[^>]{0,200}\?>\s*)?<Error(\s[^>]{0,200})?>.*?(</Error>\s*\n|</Error>|$)`)
	xmlCode    = lazyregexp.New(`<Code>\s*([^<]{1,100})`)
	xmlMessage = lazyregexp.New(`<Message>\s*([^<]{1,400})`)
)

// shortenXML returns the code and the message of an error in XML.
func shortenXML(text string) string {
	var parts []string
	for _, part := range []*regexp.Regexp{xmlCode(), xmlMessage()} {
		if m := part.FindStringSubmatch(text); m != nil {
			parts = append(parts, strings.TrimSpace(m[1]))
		}
	}
	if parts == nil {
		return "an error in XML"
	}
	return strings.Join(parts, ": ")
}

// maxErrorText is enough for an error of a registry with the URL of the request, which has a digest.
const maxErrorText = 400

// Of several places that fail, each has its part of the text, so that the first does not hide the
// last.
const (
	maxSourceText  = 320
	maxSourcesText = 2 << 10
)

// longest returns how long the text of err may be.
func longest(err error) int {
	var several sourceErrors
	if errors.As(err, &several) {
		return min(max(maxErrorText, len(several.each)*(maxSourceText+len("...; "))), maxSourcesText)
	}
	return maxErrorText
}

// printable returns the first bytes of text, at most so many, fit for a terminal and for one line
// of a log: whoever sent it must not move the cursor, turn the direction of what follows, or begin
// a line that looks like another message. What ends a line becomes a semicolon; other characters
// that are not to be seen are written as Go writes them.
func printable(text string, most int) string {
	var b strings.Builder
	text = strings.TrimSpace(text)
	for i, r := range text {
		if b.Len() >= most {
			return b.String() + "..."
		}
		switch _, n := utf8.DecodeRuneInString(text[i:]); {
		case r == '\n' || r == '\r' || r == '\u0085' || r == '\u2028' || r == '\u2029' || r == '\v' || r == '\f':
			if s := b.String(); !strings.HasSuffix(s, "; ") {
				b.WriteString("; ")
			}
		case r == '\t':
			b.WriteByte(' ')
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case !unicode.IsPrint(r):
			b.WriteString(strings.Trim(strconv.QuoteToASCII(string(r)), `"`))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// redacted is an error with another text.
type redacted struct {
	text string
	err  error
}

func (r *redacted) Error() string { return r.text }
func (r *redacted) Unwrap() error { return r.err }
