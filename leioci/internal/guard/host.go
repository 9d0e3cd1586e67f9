package guard

import (
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// SameHost reports whether two hosts, each with or without a port, are the same for a scheme: the
// case of letters, a default port that is spelled out, the root's dot, and the spelling of an IPv6
// address make no difference.
func SameHost(a, b, scheme string) bool {
	return sameServer(&url.URL{Scheme: scheme, Host: a}, &url.URL{Scheme: scheme, Host: b})
}

// sameServer reports whether two URLs lead to the same host and port. The default ports of http and
// https count as the same: behind a proxy that ends TLS, a registry may name itself with either.
func sameServer(a, b *url.URL) bool {
	return sameName(a.Hostname(), b.Hostname()) &&
		(port(a) == port(b) || port(a) == defaultPort(a.Scheme) && port(b) == defaultPort(b.Scheme))
}

// sameName reports whether two host names, or addresses, are the same.
func sameName(a, b string) bool {
	x, xerr := netip.ParseAddr(a)
	y, yerr := netip.ParseAddr(b)
	if xerr == nil && yerr == nil {
		return x.Unmap() == y.Unmap()
	}
	return strings.EqualFold(strings.TrimSuffix(a, "."), strings.TrimSuffix(b, "."))
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return defaultPort(u.Scheme)
}

func defaultPort(scheme string) string {
	if scheme == "http" {
		return "80"
	}
	return "443"
}

// hostPort joins a host name, or an address, with a port, which may be empty.
func hostPort(name, port string) string {
	switch {
	case port != "":
		return net.JoinHostPort(name, port)
	case strings.Contains(name, ":"):
		return "[" + name + "]"
	}
	return name
}
