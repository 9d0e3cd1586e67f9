package credential

import (
	"maps"
	"slices"
	"strings"

	"github.com/docker/cli/cli/config/credentials"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// A scope is what a credential is for: a registry, or the repositories under a path of one.
type scope struct{ host, path string }

// scopeOf returns the scope of a registry or repository.
func scopeOf(target authn.Resource) scope {
	host := target.RegistryStr()
	path := strings.TrimPrefix(target.String(), host)
	if path == target.String() || !strings.HasPrefix(path, "/") { // a registry, or a resource that calls itself something else
		path = ""
	}
	return scope{canonicalHost(host), strings.Trim(path, "/")}
}

// parseKey reads the key of an entry: host[:port][/path], or a URL, as docker wrote them once.
func parseKey(key string) scope {
	_, rest, legacy := strings.Cut(key, "://")
	if !legacy {
		rest = key
	}
	_, path, _ := strings.Cut(rest, "/")
	path += "/" // so that a version is found at the end too
	for _, version := range []string{"v1/", "v2/"} {
		// Without a scheme, host/v1/ with the slash is the API's root, and host/v1 a path as any other.
		if legacy && strings.HasPrefix(path, version) || path == version+"/" {
			path = strings.TrimPrefix(path, version)
		}
	}
	return scope{canonicalHost(credentials.ConvertToHostname(key)), strings.Trim(path, "/")}
}

// canonicalHost returns the one name of a registry that may have several.
func canonicalHost(host string) string {
	host = strings.ToLower(host)
	switch host {
	case "docker.io", "registry-1.docker.io":
		return name.DefaultRegistry
	}
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") { // an IPv6 address, which docker/cli leaves without them
		return host[1 : len(host)-1]
	}
	return host
}

// String returns the scope as docker writes it into a configuration file, and says it to a credential helper.
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

// covers reports whether what is in s holds for target.
func (s scope) covers(target scope) bool {
	return s.host == target.host && s.host != "" &&
		(s.path == "" || s.path == target.path || strings.HasPrefix(target.path, s.path+"/"))
}

// match returns the key of the entry that holds for target: the one with the longest path, of two spellings the one
// that docker writes, and otherwise the first in the alphabet. It is empty where there is none.
func match[V any](entries map[string]V, target scope) string {
	var best string
	var found scope
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		s := parseKey(key)
		switch {
		case !s.covers(target):
		case best == "", len(s.path) > len(found.path), s == found && key == s.String():
			best, found = key, s
		}
	}
	return best
}
