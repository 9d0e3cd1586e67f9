package leioci

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci/internal/retry"
)

// The defaults of the options, and the limits that no option moves.
const (
	defaultConcurrency  = 4
	defaultMaxBlobBytes = 8 << 30
	defaultUserAgent    = "leioci"

	maxManifestBytes = 4 << 20
)

// An Option configures a [Client]. A wrong one is an error of [New].
type Option func(*options) error

type options struct {
	auths        map[string]authn.Authenticator // by registry host
	keychain     authn.Keychain
	transport    http.RoundTripper // nil until makeOptions has seen all options
	tls          *tls.Config
	plainHTTP    []string // registry hosts
	private      []netip.Prefix
	mirrors      []Mirror
	retry        retry.Policy
	stall        time.Duration
	log          logrus.FieldLogger
	concurrency  int
	maxBlobBytes int64
	userAgent    string
}

func makeOptions(opts []Option) (*options, error) {
	o := &options{
		auths:        map[string]authn.Authenticator{},
		keychain:     DefaultKeychain(),
		retry:        retry.Policy(defaultRetryPolicy()),
		stall:        defaultStallTimeout,
		log:          silent(),
		concurrency:  defaultConcurrency,
		maxBlobBytes: defaultMaxBlobBytes,
		userAgent:    defaultUserAgent,
	}
	for _, opt := range opts {
		if err := opt(o); err != nil {
			return nil, err
		}
	}
	if o.transport != nil && o.tls != nil {
		return nil, errors.New("a transport has its own TLS configuration: give WithTransport or WithTLS")
	}
	if o.transport == nil {
		o.transport = newTransport(o.tls)
	}
	if o.tls != nil && o.tls.InsecureSkipVerify {
		o.log.Warn("TLS certificates are not verified: anyone on the way can read credentials and change what is not asked for by digest")
	}
	return o, nil
}

// WithToken sends token to registry, and to no other host, as "Authorization: Bearer" (RFC 6750).
// It is the contract's :token. A token with a control character or a space is refused.
func WithToken(registry, token string) Option {
	return func(o *options) error {
		if token == "" {
			return fmt.Errorf("token for %s: empty", quote(registry))
		}
		if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return fmt.Errorf("token for %s: has a space, a control character or a character outside ASCII (a trailing newline?)", quote(registry))
		}
		return o.bind(registry, &authn.Bearer{Token: token})
	}
}

// WithAuth uses a for registry instead of asking the keychain. A second credential for one registry is an error.
func WithAuth(registry string, a authn.Authenticator) Option {
	return func(o *options) error {
		if a == nil {
			return fmt.Errorf("credentials for %s: nil", quote(registry))
		}
		return o.bind(registry, a)
	}
}

// bind binds credentials to one registry, under the name that go-containerregistry gives it.
func (o *options) bind(registry string, a authn.Authenticator) error {
	reg, err := name.NewRegistry(registry, name.StrictValidation)
	if err != nil {
		return fmt.Errorf("credentials for %s: %w: want host or host:port", quote(registry), ErrInvalidReference)
	}
	if _, ok := o.auths[reg.RegistryStr()]; ok {
		return fmt.Errorf("credentials for %s: given twice", reg)
	}
	o.auths[reg.RegistryStr()] = a
	return nil
}

// WithKeychain asks k for the credentials of every registry that [WithAuth] and [WithToken] do not name.
// The default is [DefaultKeychain]: the docker and podman configuration files and credential helpers.
func WithKeychain(k authn.Keychain) Option {
	return func(o *options) error {
		if k == nil {
			return errors.New("keychain: nil; for anonymous access use authn.NewMultiKeychain()")
		}
		o.keychain = k
		return nil
	}
}

// WithTransport sends all requests through rt: the caller's proxies, CAs, tracing. The default is a transport of the
// client's own, with proxies from the environment ([http.ProxyFromEnvironment]) and what [WithTLS] says. Where rt makes requests
// wait, as net/http's does with MaxConnsPerHost, the waiting counts as silence ([WithStallTimeout]).
func WithTransport(rt http.RoundTripper) Option {
	return func(o *options) error {
		if rt == nil {
			return errors.New("transport: nil")
		}
		o.transport = rt
		return nil
	}
}

// WithLogger logs to l: at level warning what makes a transfer less safe than it looks, at level info a line for each blob
// and tag that was transferred and for what is tried again, and at level debug a line for each request, with method, URL
// without its query, status, bytes, duration and which try it was. No line holds a token, a cookie, a signed URL or a body.
// The default is silence.
func WithLogger(l logrus.FieldLogger) Option {
	return func(o *options) error {
		if l == nil {
			return errors.New("logger: nil; leave the option out for silence")
		}
		o.log = l
		return nil
	}
}

// WithConcurrency limits the blobs and tags that one call transfers at once. The default is 4.
func WithConcurrency(n int) Option {
	return func(o *options) error {
		if n < 1 {
			return fmt.Errorf("concurrency %d: want 1 or more", n)
		}
		o.concurrency = n
		return nil
	}
}

// WithMaxBlobBytes refuses blobs of more than n bytes with [ErrTooLarge]. The default is 8 GiB.
func WithMaxBlobBytes(n int64) Option {
	return func(o *options) error {
		if n < 1 {
			return fmt.Errorf("blob limit of %d bytes: want 1 or more", n)
		}
		o.maxBlobBytes = n
		return nil
	}
}

// WithUserAgent names the calling program in the User-Agent header, before go-containerregistry's own name.
// The default is "leioci".
func WithUserAgent(ua string) Option {
	return func(o *options) error {
		if ua == "" || strings.ContainsFunc(ua, func(r rune) bool { return r < ' ' || r > '~' }) {
			return fmt.Errorf("user agent %q: want printable ASCII", ua)
		}
		o.userAgent = ua
		return nil
	}
}
