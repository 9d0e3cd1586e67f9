package registry

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// nextPage returns the URL of the next page of a listing, which a response gives as a Link (RFC
// 8288), or nil if it does not. first is the URL of the first page.
//
// Only the path and the query are the registry's. Its scheme may be that before a proxy which ends
// TLS, and its host may be spelt in another way; but another host is refused, as credentials go
// along.
func nextPage(first *url.URL, resp *http.Response) (*url.URL, error) {
	links := parseLinks(resp.Header.Values("Link"))
	i := slices.IndexFunc(links, link.isNext)
	if i < 0 && len(links) == 1 && links[0].rel == "" { // some registries name no relation
		i = 0
	}
	if i < 0 || links[i].target == "" {
		return nil, nil
	}
	target, err := url.Parse(links[i].target)
	if err != nil {
		return nil, errors.New("the registry's Link to the next page is not a URL")
	}
	from := first
	if resp.Request != nil && resp.Request.URL != nil {
		from = resp.Request.URL // after redirects
	}
	target = from.ResolveReference(target)
	isHTTP := target.Scheme == "http" || target.Scheme == "https"
	if !isHTTP || target.User != nil || target.Opaque != "" || !sameHost(target, first) {
		return nil, fmt.Errorf("refusing the registry's Link to the next page: it leads to %q, not to %s", target.Host, first.Host)
	}
	next := *first
	next.Path, next.RawPath, next.RawQuery = target.Path, target.RawPath, target.RawQuery
	return &next, nil
}

// sameHost reports whether two URLs name the same host and port, however they are spelt. The
// default ports are alike, because the scheme may be wrong.
func sameHost(a, b *url.URL) bool {
	host := func(u *url.URL) string { return strings.TrimSuffix(u.Hostname(), ".") }
	isDefault := func(u *url.URL) bool { return slices.Contains([]string{"", "80", "443"}, u.Port()) }
	return strings.EqualFold(host(a), host(b)) && (a.Port() == b.Port() || isDefault(a) && isDefault(b))
}

// A link is one of a Link header.
type link struct {
	target string
	rel    string // the first; RFC 8288 says to ignore others
	anchor bool   // it is a link of another resource
}

func (l link) isNext() bool {
	return !l.anchor && slices.ContainsFunc(strings.Fields(l.rel), func(rel string) bool { return strings.EqualFold(rel, "next") })
}

// parseLinks reads Link headers (RFC 8288, appendix B.2). What is no link ends the reading of its
// header.
func parseLinks(headers []string) []link {
	var links []link
	for _, rest := range headers {
		for {
			rest = strings.TrimLeft(rest, " \t,")
			target, after, ok := strings.Cut(strings.TrimPrefix(rest, "<"), ">")
			if !ok || !strings.HasPrefix(rest, "<") {
				break
			}
			l := link{target: strings.TrimSpace(target)}
			rest = l.parseParams(after)
			links = append(links, l)
		}
	}
	return links
}

// parseParams reads the parameters of a link, and returns what follows them.
func (l *link) parseParams(rest string) string {
	hasRel := false
	for {
		rest = strings.TrimLeft(rest, " \t")
		if !strings.HasPrefix(rest, ";") {
			return rest
		}
		end := strings.IndexAny(rest[1:], "=;,")
		if end < 0 {
			return ""
		}
		key := strings.ToLower(strings.TrimSpace(rest[1 : 1+end]))
		rest = rest[1+end:]
		value := ""
		if strings.HasPrefix(rest, "=") {
			value, rest = parseValue(strings.TrimLeft(rest[1:], " \t"))
		}
		switch {
		case key == "rel" && !hasRel:
			l.rel, hasRel = value, true
		case key == "anchor":
			l.anchor = true
		}
	}
}

// parseValue reads a token or a quoted string, and returns what follows it.
func parseValue(s string) (value, rest string) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, ";,")
		if end < 0 {
			end = len(s)
		}
		return strings.TrimSpace(s[:end]), s[end:]
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:]
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String(), ""
}
