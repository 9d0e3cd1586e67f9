package snapshot

import (
	"slices"
	"strings"
)

// A host is a service whose rules for names are known.
type host struct {
	// nested: a repository's path may have more than two segments, as in GitLab's groups.
	nested bool
}

// hosts are services that ignore the case of names.
var hosts = map[string]host{
	"github.com":    {},
	"gitlab.com":    {nested: true},
	"bitbucket.org": {},
	"codeberg.org":  {}, // Forgejo
	"gitea.com":     {},
}

// otherNames are hosts by which the services are reached as well, the ssh ones where a network lets
// only port 443 pass.
var otherNames = map[string]string{
	"www.github.com":       "github.com",
	"www.gitlab.com":       "gitlab.com",
	"www.bitbucket.org":    "bitbucket.org",
	"ssh.github.com":       "github.com",
	"altssh.gitlab.com":    "gitlab.com",
	"altssh.bitbucket.org": "bitbucket.org",
}

// repository returns the segments of a path that name a repository, in lower case, or none.
func (h host) repository(segments []string) []string {
	end := min(2, len(segments))
	if h.nested {
		// Pages of a repository come after "-", which no group or project may be called.
		if end = slices.Index(segments, "-"); end < 0 {
			end = len(segments)
		}
	}
	if end < 2 {
		return nil // an owner, or a group
	}
	names := make([]string, end)
	for i, s := range segments[:end] {
		names[i] = lowerASCII(s)
	}
	// None of these hosts has an "@" in a name: what follows is a version.
	last := &names[end-1]
	if name, _, ok := strings.Cut(*last, "@"); ok && name != "" {
		*last = name
	}
	return names
}

// lowerASCII leaves other letters alone: these hosts do not have them in names, and do not say that
// they would fold them.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, s)
}
