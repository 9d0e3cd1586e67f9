package leioci

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
)

// WithTransport sends all requests through rt, for example to use the caller's proxies, CAs or
// tracing. By default, the client has its own transport, with proxies from the environment
// ([http.ProxyFromEnvironment]; none for loopback addresses and names under localhost) and the
// settings of [WithTLS], and connects to this machine for every name under localhost, which it does
// not look up (RFC 6761), except for the registries of [WithPlainHTTP]. Where rt connects to is its
// own matter: many resolvers ask the network for names under localhost. A transport that is not an
// [*http.Transport] may use a proxy for them, too, so credentials go there over http only with
// [WithPlainHTTP]. It must not use one for localhost and loopback addresses: whether it does cannot
// be seen, and credentials go there over http. If rt queues requests, as net/http's transport does
// with MaxConnsPerHost, time in the queue counts towards the stall timeout ([WithStallTimeout]). rt
// must obey the contexts of requests: calls end with their contexts only if it does.
func WithTransport(rt http.RoundTripper) Option {
	return option(func(o *options) error {
		if registry.IsNil(rt) {
			return errors.New("transport: nil")
		}
		o.registry.Transport = rt
		return nil
	})
}

// WithStallTimeout fails a request with [ErrStalled] if no byte moves in either direction for d.
// The default is 30 seconds. Once an upload was sent completely, its response may take ten times as
// long. A transfer that makes progress may take forever; to limit that, use a context with a
// deadline.
func WithStallTimeout(d time.Duration) Option {
	return option(func(o *options) error {
		if d <= 0 {
			return fmt.Errorf("stall timeout %v: must be positive", d)
		}
		o.registry.StallTimeout = d
		return nil
	})
}

// WithPlainHTTP uses http, and never https, for these registries (host or host:port; the default
// port is 80), and lets credentials be sent to them unencrypted. Without it, credentials are sent
// over http only to loopback addresses and names under localhost, and not through a proxy. It
// cannot be combined with [WithHTTPSOnly].
func WithPlainHTTP(registries ...string) Option {
	return option(func(o *options) error {
		for _, r := range registries {
			reg, err := parseRegistry(r)
			if err != nil {
				return fmt.Errorf("plain HTTP for %s: %w: want host or host:port", quote(r), ErrInvalidReference)
			}
			o.registry.PlainHTTP = append(o.registry.PlainHTTP, reg.RegistryStr())
		}
		return nil
	})
}

// WithPrivateRedirects lets registries direct their clients to other addresses in these networks,
// by redirects, upload locations and the addresses of token servers.
//
// By default, a literal address that is not public by IANA's registries (RFC 6890: private
// networks, 100.64.0.0/10, loopback, link-local and others, also inside an IPv6 address) is refused
// unless it is the registry's own, on any port, and so is localhost. Otherwise, a registry could
// make its clients send requests to hosts that only they can reach. Host names are not resolved for
// this check.
func WithPrivateRedirects(networks ...netip.Prefix) Option {
	return option(func(o *options) error {
		if len(networks) == 0 {
			return errors.New("private redirects: no networks")
		}
		for _, n := range networks {
			if !n.IsValid() {
				return fmt.Errorf("private redirects: invalid network %v", n)
			}
		}
		o.registry.PrivateNetworks = append(o.registry.PrivateNetworks, networks...)
		return nil
	})
}

// WithHTTPSOnly uses https for every registry. It cannot be combined with [WithPlainHTTP].
//
// Without it, a registry on a loopback or private address (RFC 1918), or of a reference made with
// name.Insecure, that does not respond over https is accessed over http, without credentials unless
// it is this machine. Anyone on the network path can cause that, and change content that is not
// requested by digest. [WithTLS] prevents it, too.
func WithHTTPSOnly() Option {
	return option(func(o *options) error {
		o.httpsOnly = true
		return nil
	})
}
