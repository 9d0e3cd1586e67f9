package credential

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"github.com/docker/docker-credential-helpers/credentials"

	"github.com/lowendinsight/lei-go/leioci/internal/lazyregexp"
)

// message returns the part of a helper's output that may be shown.
func (p *program) message() string {
	out := p.stdout.buf.String()
	if credentials.IsCredentialsMissingServerURLMessage(out) || credentials.IsCredentialsMissingUsernameMessage(out) {
		return strings.TrimSpace(out)
	}
	text := withoutSecrets(p.stderr.buf.String(), answeredSecrets(bytes.TrimPrefix(p.stdout.buf.Bytes(), byteOrderMark())))
	return strings.Join(strings.Fields(printable(text)), " ")
}

// printable replaces what could move the cursor of a terminal or change the order of its text.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, " "))
}

// minSecret is the length from which a text is taken for a secret. Shorter ones occur anywhere.
const minSecret = 4

// answeredSecrets returns what may be the secret in a helper's answer, in case its standard error
// repeats it. Of an answer that is not the protocol's, this is a single word, because more are a
// message, and what has the name of a secret: an answer may be cut off, or come after a warning.
func answeredSecrets(stdout []byte) []string {
	var answer map[string]any
	decoder := json.NewDecoder(bytes.NewReader(stdout))
	decoder.UseNumber()
	if decoder.Decode(&answer) != nil {
		words := strings.Fields(string(stdout))
		if len(words) != 1 {
			words = nil
		}
		for _, match := range assignment().FindAllSubmatch(stdout, -1) {
			value := strings.Trim(string(match[2]), `"'`)
			var plain string
			if json.Unmarshal([]byte(`"`+value+`"`), &plain) == nil {
				words = append(words, plain)
			}
			words = append(words, value)
		}
		return words
	}
	var found []string
	for key, value := range answer {
		if !strings.EqualFold(key, "ServerURL") && !strings.EqualFold(key, "Username") {
			found = append(found, fmt.Sprint(value))
		}
	}
	return found
}

// withoutSecrets replaces known secrets in a helper's message, which may be cut off in the middle
// of one, and what looks like a secret: a helper's debug output, or a shell's trace, shows them.
func withoutSecrets(text string, secrets []string) string {
	const hidden = "***"
	for _, secret := range secrets {
		if len(secret) < minSecret {
			continue
		}
		text = strings.ReplaceAll(text, secret, hidden)
		for n := min(len(secret), len(text)); n >= minSecret; n-- {
			if cut, ok := strings.CutSuffix(text, secret[:n]); ok {
				text = cut + hidden
				break
			}
		}
	}
	text = userinfo().ReplaceAllString(text, "${1}"+hidden+"${2}")
	text = authorization().ReplaceAllString(text, "${1}"+hidden)
	return assignment().ReplaceAllString(text, "${1}"+hidden)
}

// What looks like a secret: a URL's user and password, the value of an Authorization header, and
// the value of a variable, a JSON member or an option with a telling name.
var (
	userinfo      = lazyregexp.New(`(://)[^/\s@]+(@)`)
	authorization = lazyregexp.New(`(?i)(\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}`)
	assignment    = lazyregexp.New(
		`(?i)((?:secret|passw(?:or)?d|token|api_?key)["']*\s*[:=]\s*)("(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s"',;}]+)`)
)
