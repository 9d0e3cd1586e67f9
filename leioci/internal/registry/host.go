package registry

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// CanonicalHost returns the one spelling of a registry's host or host:port: in lower case, without
// the default port of https, and with an IPv6 address in its short form. Host names are not
// case-sensitive (RFC 3986, section 3.2.2), so GHCR.IO, ghcr.io:443 and ghcr.io are one registry,
// with one set of credentials.
func CanonicalHost(host string) string {
	host = strings.ToLower(host)
	hostname, port := host, ""
	if i := strings.LastIndex(host, ":"); i > strings.LastIndex(host, "]") {
		hostname, port = host[:i], host[i+1:]
	}
	if n, err := strconv.ParseUint(port, 10, 16); err == nil && port[0] == '0' {
		port = strconv.FormatUint(n, 10)
	}
	if inner, ok := strings.CutPrefix(hostname, "["); ok {
		if addr, err := netip.ParseAddr(strings.TrimSuffix(inner, "]")); err == nil {
			hostname = "[" + addr.String() + "]"
		}
	}
	if hostname == "docker.io" {
		hostname = name.DefaultRegistry
	}
	switch {
	case port == "" || port == "443":
		return hostname
	case hostname+":"+port == host: // as with almost every call; this is nothing to allocate
		return host
	}
	return hostname + ":" + port
}

// SameRepository reports whether two repositories are the same, however their registries are
// spelled, and whether or not they are marked as insecure.
func SameRepository(a, b name.Repository) bool {
	return a.RepositoryStr() == b.RepositoryStr() && CanonicalHost(a.RegistryStr()) == CanonicalHost(b.RegistryStr())
}

// canonicalize replaces the hosts in a configuration with their canonical spellings. The guard
// compares PlainHTTP with the hosts in URLs, so the original spellings stay there, too.
func (c Config) canonicalize() Config {
	given := c.PlainHTTP
	c.PlainHTTP = nil
	for _, host := range given {
		c.PlainHTTP = append(c.PlainHTTP, strings.TrimSuffix(CanonicalHost(host), ":80"))
	}
	auths := make(map[string]authn.Authenticator, len(c.Auths))
	for host, auth := range c.Auths {
		auths[c.canonicalHost(host)] = auth
	}
	c.Auths = auths
	c.PlainHTTP = append(c.PlainHTTP, given...)
	return c
}

// canonicalHost is [CanonicalHost] for a client, which knows the registries that use http, with
// that scheme's default port.
func (c Config) canonicalHost(host string) string {
	host = CanonicalHost(host)
	if plain, ok := strings.CutSuffix(host, ":80"); ok && c.usesPlainHTTP(plain) {
		return plain
	}
	return host
}

// usesPlainHTTP reports whether a registry, by its canonical host, uses http and never https.
func (c Config) usesPlainHTTP(host string) bool { return slices.Contains(c.PlainHTTP, host) }

// A canonicalRegistry is a registry in its canonical spelling.
type canonicalRegistry struct {
	registry name.Registry
	scheme   string // that of registry: to tell it, package name parses networks and matches regular expressions
	err      error
}

// canonical returns the canonical spelling of a registry.
func (c Config) canonical(given name.Registry) canonicalRegistry {
	host := c.canonicalHost(given.RegistryStr())
	reg, err := name.NewRegistry(host, name.StrictValidation)
	if err == nil && (c.usesPlainHTTP(host) || given.Scheme() == "http" && reg.Scheme() != "http") {
		reg, err = name.NewRegistry(host, name.StrictValidation, name.Insecure)
	}
	if err != nil {
		return canonicalRegistry{err: err}
	}
	return canonicalRegistry{registry: reg, scheme: reg.Scheme()}
}

// canonical returns repo with its registry's canonical spelling, and the scheme of that.
func (c *Client) canonical(repo name.Repository) (canonical name.Repository, scheme string, err error) {
	found := c.canonicals.get(repo.Registry, func() canonicalRegistry { return c.config.canonical(repo.Registry) })
	return found.registry.Repo(repo.RepositoryStr()), found.scheme, found.err
}
