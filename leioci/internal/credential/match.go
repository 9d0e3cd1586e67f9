package credential

import (
	"maps"
	"slices"
	"strings"

	"github.com/docker/cli/cli/config/credentials"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// A scope is what a credential is valid for: a registry, or the repositories under a path in a
// registry.
type scope struct{ host, path string }

// scopeOf returns the scope of a registry or repository.
func scopeOf(target authn.Resource) scope {
	host := target.RegistryStr()
	path := strings.TrimPrefix(target.String(), host)
	if path == target.String() || !strings.HasPrefix(path, "/") {
		// It is a registry, or a resource whose String is something else.
		path = ""
	}
	return scope{canonicalHost(host), strings.Trim(path, "/")}
}

// parseKey parses the key of an entry: host[:port][/path], or a URL, as docker used to write.
func parseKey(key string) scope {
	_, address, isURL := strings.Cut(key, "://")
	if !isURL {
		address = key
	}
	_, path, _ := strings.Cut(address, "/")
	path += "/" // so that a version at the end matches too
	for _, version := range []string{"v1/", "v2/"} {
		// Without a scheme, host/v1/ with the slash is the API's root, but host/v1 is an ordinary
		// path.
		if isURL && strings.HasPrefix(path, version) || path == version+"/" {
			path = strings.TrimPrefix(path, version)
		}
	}
	return scope{canonicalHost(credentials.ConvertToHostname(key)), strings.Trim(path, "/")}
}

// canonicalHost maps the different names of a registry to one.
func canonicalHost(host string) string {
	host = strings.ToLower(host)
	switch host {
	case "docker.io", "registry-1.docker.io":
		return name.DefaultRegistry
	}
	if strings.Count(host, ":") > 1 && !strings.HasPrefix(host, "[") {
		return "[" + host + "]" // an IPv6 address: docker/cli drops the brackets of a URL's
	}
	return host
}

// String returns the scope as docker writes it to a configuration file and passes it to a
// credential helper.
func (s scope) String() string {
	switch {
	case s.path != "":
		return s.host + "/" + s.path
	case s.host == name.DefaultRegistry:
		return authn.DefaultAuthKey
	default:
		return s.host
	}
}

// covers reports whether a credential for s is valid for target.
func (s scope) covers(target scope) bool {
	return s.host == target.host && s.host != "" &&
		(s.path == "" || s.path == target.path || strings.HasPrefix(target.path, s.path+"/"))
}

// match returns the key of the entry to use for target, or "" if there is none. The longest path
// wins. Among spellings of the same scope, the one that docker writes wins, and otherwise the
// alphabetically first.
func match[V any](entries map[string]V, target scope) string {
	var best string
	var bestScope scope
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		s := parseKey(key)
		switch {
		case !s.covers(target):
		case best == "", len(s.path) > len(bestScope.path), s == bestScope && key == s.String():
			best, bestScope = key, s
		}
	}
	return best
}
