package leioci

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
)

// The defaults of the options.
const (
	defaultConcurrency  = 4
	defaultMaxBlobBytes = 8 << 30
	defaultStallTimeout = 30 * time.Second
	defaultUserAgent    = "leioci"
)

// An Option configures a [Client]. [New] returns an error for an invalid one.
type Option interface{ client(*options) error }

// option is an [Option] that serves nothing but a client.
type option func(*options) error

func (f option) client(o *options) error { return f(o) }

// options hold the configuration for package registry and the client's own.
type options struct {
	registry    registry.Config
	tls         *tls.Config
	httpsOnly   bool // WithHTTPSOnly
	concurrency int
	demands     demands // WithVerifier, WithPolicy
}

func makeOptions(opts []Option) (*options, error) {
	o := &options{
		registry: registry.Config{
			Auths:        map[string]authn.Authenticator{},
			Keychain:     DefaultKeychain(),
			Retry:        registry.RetryPolicy(defaultRetryPolicy()),
			StallTimeout: defaultStallTimeout,
			MaxBlobBytes: defaultMaxBlobBytes,
			UserAgent:    defaultUserAgent,
			Log:          silent(),
			Explain:      explain,
		},
		concurrency: defaultConcurrency,
	}
	for i, opt := range opts {
		if opt == nil {
			return nil, fmt.Errorf("option %d: nil", i+1)
		}
		if err := opt.client(o); err != nil {
			return nil, err
		}
	}
	if o.httpsOnly && len(o.registry.PlainHTTP) > 0 {
		return nil, errors.New("WithHTTPSOnly and WithPlainHTTP are exclusive")
	}
	o.registry.HTTPSOnly = o.httpsOnly || o.tls != nil
	if o.registry.Transport != nil && o.tls != nil {
		return nil, errors.New("WithTransport and WithTLS are exclusive: a transport has its own TLS configuration")
	}
	if o.registry.Transport == nil {
		o.registry.Transport = registry.NewTransport(o.tls, o.registry.PlainHTTP)
		o.registry.HTTP1 = registry.NewHTTP1Transport(o.tls, o.registry.PlainHTTP)
	}
	if o.tls != nil && o.tls.InsecureSkipVerify {
		o.registry.Log.Warn("TLS certificates are not verified: anyone on the network path can read credentials " +
			"and change content that is not requested by digest")
	}
	return o, nil
}

// silent returns a logger that discards everything.
func silent() logrus.FieldLogger {
	l := logrus.New()
	l.SetOutput(io.Discard)
	l.SetLevel(logrus.PanicLevel)
	return l
}

// WithToken authenticates with token at registry, and at no other host, as "Authorization: Bearer"
// (RFC 6750). It is the contract's :token. A token with a space, a control character or a character
// outside ASCII is an error.
func WithToken(registry, token string) Option {
	return option(func(o *options) error {
		if token == "" {
			return fmt.Errorf("token for %s: empty", quote(registry))
		}
		if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return fmt.Errorf("token for %s: contains a space, a control character or a character outside ASCII "+
				"(a trailing newline?)", quote(registry))
		}
		return o.bind(registry, &authn.Bearer{Token: token})
	})
}

// WithAuth authenticates with a at registry instead of using the keychain. A second credential for
// the same registry is an error. GHCR.IO, ghcr.io:443 and ghcr.io are the same registry.
func WithAuth(registry string, a authn.Authenticator) Option {
	return option(func(o *options) error {
		return o.bind(registry, a)
	})
}

// bind binds credentials to one registry, by its canonical name.
func (o *options) bind(host string, a authn.Authenticator) error {
	if registry.IsNil(a) {
		return fmt.Errorf("credentials for %s: nil", quote(host))
	}
	reg, err := parseRegistry(host)
	if err != nil {
		return fmt.Errorf("credentials for %s: %w: want host or host:port", quote(host), ErrInvalidReference)
	}
	host = canonicalHost(reg)
	if _, ok := o.registry.Auths[host]; ok {
		return fmt.Errorf("duplicate credentials for %s", host)
	}
	o.registry.Auths[host] = a
	return nil
}

func canonicalHost(r name.Registry) string { return registry.CanonicalHost(r.RegistryStr()) }

// WithKeychain uses k for every registry that [WithAuth] and [WithToken] do not cover. The default
// is [DefaultKeychain]: docker's and podman's configuration files and credential helpers.
//
// A keychain that has no credentials for a registry returns [authn.Anonymous]; nil without an error
// is an error of the call. It may implement [Forgetter], and return a [SourcedAuthenticator].
func WithKeychain(k authn.Keychain) Option {
	return option(func(o *options) error {
		if registry.IsNil(k) {
			return errors.New("keychain: nil; for anonymous access use authn.NewMultiKeychain()")
		}
		o.registry.Keychain = k
		return nil
	})
}

// WithLogger logs to l. The default is no logging. The levels are:
//
//   - warning: whatever makes a transfer less safe than it looks
//   - info: a line for each blob or tag transferred and for each retry
//   - debug: a line for each request, with method, URL without query, status, bytes, duration and
//     attempt number
//
// No line contains a token, a cookie, a signed URL or a body.
func WithLogger(l logrus.FieldLogger) Option {
	return option(func(o *options) error {
		if registry.IsNil(l) {
			return errors.New("logger: nil; to disable logging, omit WithLogger")
		}
		o.registry.Log = l
		return nil
	})
}

// WithConcurrency limits how many blobs or tags one call transfers concurrently. The default is 4.
//
// A large blob that comes slowly is pulled into a directory in several ranges at the same time, on
// connections of their own: at most five besides the one that it began with, and eight for all
// blobs of a client. With a limit of 1 there are none. Nor are there any for ten minutes at a
// registry that did not serve them well, was no faster with them, or wanted less traffic.
func WithConcurrency(n int) Option {
	return option(func(o *options) error {
		if n < 1 {
			return fmt.Errorf("concurrency %d: must be positive", n)
		}
		o.concurrency = n
		o.registry.OneStream = n == 1
		return nil
	})
}

// WithMaxBlobBytes limits blobs to n bytes. A larger blob is [ErrTooLarge]. The default is 8 GiB.
func WithMaxBlobBytes(n int64) Option {
	return option(func(o *options) error {
		if n < 1 {
			return fmt.Errorf("blob limit of %d bytes: must be positive", n)
		}
		o.registry.MaxBlobBytes = n
		return nil
	})
}

// WithUserAgent sets the calling program's name in the User-Agent header, where it precedes
// go-containerregistry's. The default is "leioci".
func WithUserAgent(ua string) Option {
	return option(func(o *options) error {
		if ua == "" || strings.ContainsFunc(ua, func(r rune) bool { return r < ' ' || r > '~' }) {
			return fmt.Errorf("user agent %q: must be printable ASCII and not empty", ua)
		}
		o.registry.UserAgent = ua
		return nil
	})
}

func orDefault[T comparable](value, def T) T {
	var zero T
	if value == zero {
		return def
	}
	return value
}
