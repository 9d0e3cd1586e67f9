package registry

import (
	"net/http"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// A challenge is what a registry requires of its clients (RFC 9110, section 11.3). A parameter's
// name is in lower case. The zero value requires nothing.
type challenge struct {
	scheme     string // in lower case: "basic", "bearer" or ""
	parameters map[string]string
}

func (c challenge) isBearer() bool { return c.scheme == "bearer" }

// transport returns the challenge as package transport takes it.
func (c challenge) transport(insecure bool) *transport.Challenge {
	return &transport.Challenge{Scheme: c.scheme, Parameters: c.parameters, Insecure: insecure}
}

// covers reports whether a scope of package transport allows all that another one does, as a
// challenge names it.
func covers(scope, other string) bool {
	resource, actions, _ := cutLast(scope)
	wanted, some, ok := cutLast(other)
	if !ok || wanted != resource {
		return false
	}
	return !slices.ContainsFunc(strings.Split(some, ","), func(action string) bool {
		return !slices.Contains(strings.Split(actions, ","), action)
	})
}

// cutLast cuts a scope where its actions begin.
func cutLast(scope string) (resource, actions string, ok bool) {
	i := strings.LastIndex(scope, ":")
	if i < 0 {
		return scope, "", false
	}
	return scope[:i], scope[i+1:], true
}

// challengeOf returns the challenge that a response asks the client to meet. It prefers tokens,
// which say less about a user than a password does. A 403 asks for another token if it says that
// this one does not allow enough (RFC 6750, section 3.1).
func challengeOf(resp *http.Response) (challenge, bool) {
	var best challenge
	found := false
	if resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusForbidden {
		return best, false
	}
	for _, header := range resp.Header.Values("WWW-Authenticate") {
		for _, c := range parseChallenges(header) {
			switch {
			case resp.StatusCode == http.StatusForbidden && (!c.isBearer() || c.parameters["error"] != "insufficient_scope"):
			case c.scheme != "bearer" && c.scheme != "basic": // a scheme that nobody here knows
			case !found, c.isBearer() && !best.isBearer():
				best, found = c, true
			}
		}
	}
	return best, found
}

// parseChallenges parses one WWW-Authenticate header, which may hold several challenges.
// go-containerregistry v0.22.1 reads only the first of them, and no spaces around "=".
func parseChallenges(header string) []challenge {
	var all []challenge
	p := parser{header}
	for !p.done() {
		word := p.token()
		if word == "" {
			p.skip() // not a challenge; what follows may be one
			continue
		}
		if value, ok := p.value(); ok && len(all) > 0 {
			if last := all[len(all)-1].parameters; last[strings.ToLower(word)] == "" {
				last[strings.ToLower(word)] = value
			}
			continue
		}
		all = append(all, challenge{scheme: strings.ToLower(word), parameters: map[string]string{}})
		p.token68()
	}
	return all
}

// A parser reads a header from its beginning.
type parser struct{ rest string }

// done skips what separates challenges and parameters, and reports whether that was all.
func (p *parser) done() bool {
	p.rest = strings.TrimLeft(p.rest, " \t,")
	return p.rest == ""
}

// skip drops one character.
func (p *parser) skip() { p.rest = p.rest[1:] }

// token reads a token (RFC 9110, section 5.6.2).
func (p *parser) token() string {
	end := strings.IndexFunc(p.rest, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
	if end < 0 {
		end = len(p.rest)
	}
	token := p.rest[:end]
	p.rest = p.rest[end:]
	return token
}

// value reads "=" and what follows it. If there is no "=", it reads nothing.
func (p *parser) value() (string, bool) {
	rest, ok := strings.CutPrefix(strings.TrimLeft(p.rest, " \t"), "=")
	if !ok {
		return "", false
	}
	p.rest = strings.TrimLeft(rest, " \t")
	if strings.HasPrefix(p.rest, `"`) {
		return p.quoted(), true
	}
	end := strings.IndexAny(p.rest, " \t,") // laxer than a token: some write URLs without quotes
	if end < 0 {
		end = len(p.rest)
	}
	value := p.rest[:end]
	p.rest = p.rest[end:]
	return value, true
}

// quoted reads a quoted string (RFC 9110, section 5.6.4). Its end may be missing.
func (p *parser) quoted() string {
	var value strings.Builder
	for i := 1; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '"':
			p.rest = p.rest[i+1:]
			return value.String()
		case c == '\\' && i+1 < len(p.rest):
			i++
			value.WriteByte(p.rest[i])
		default:
			value.WriteByte(c)
		}
	}
	p.rest = ""
	return value.String()
}

// token68 skips what some schemes, such as Negotiate, send in place of parameters (RFC 9110,
// section 11.2). Something follows the "=" of a parameter, and nothing follows a token68's.
func (p *parser) token68() {
	rest := strings.TrimLeft(p.rest, " \t")
	end := strings.IndexAny(rest, "\" \t,")
	if end < 0 {
		end = len(rest)
	}
	after := strings.TrimLeft(rest[end:], " \t")
	if strings.Contains(strings.TrimRight(rest[:end], "="), "=") || after != "" && after[0] != ',' {
		return // a parameter
	}
	p.rest = after
}
