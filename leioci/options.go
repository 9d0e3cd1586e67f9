package leioci

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
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

func defaultRetryPolicy() RetryPolicy {
	return RetryPolicy{Attempts: 5, MinDelay: 500 * time.Millisecond, MaxDelay: 20 * time.Second, MaxRetryAfter: time.Minute}
}

// An Option configures a [Client]. [New] returns an error for an invalid one.
type Option func(*options) error

// options hold the configuration for package registry and the client's own.
type options struct {
	registry    registry.Config
	tls         *tls.Config
	httpsOnly   bool // WithHTTPSOnly
	concurrency int
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
		if err := opt(o); err != nil {
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
	return func(o *options) error {
		if token == "" {
			return fmt.Errorf("token for %s: empty", quote(registry))
		}
		if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return fmt.Errorf("token for %s: contains a space, a control character or a character outside ASCII "+
				"(a trailing newline?)", quote(registry))
		}
		return o.bind(registry, &authn.Bearer{Token: token})
	}
}

// WithAuth authenticates with a at registry instead of using the keychain. A second credential for
// the same registry is an error. GHCR.IO, ghcr.io:443 and ghcr.io are the same registry.
func WithAuth(registry string, a authn.Authenticator) Option {
	return func(o *options) error {
		return o.bind(registry, a)
	}
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
	return func(o *options) error {
		if registry.IsNil(k) {
			return errors.New("keychain: nil; for anonymous access use authn.NewMultiKeychain()")
		}
		o.registry.Keychain = k
		return nil
	}
}

// WithTransport sends all requests through rt, for example to use the caller's proxies, CAs or
// tracing. By default, the client has its own transport, with proxies from the environment
// ([http.ProxyFromEnvironment]; none for loopback addresses and names under localhost) and the
// settings of [WithTLS], and connects to this machine for every name under localhost, which it does not
// look up (RFC 6761), except for the registries of [WithPlainHTTP]. Where rt connects to is its own
// matter: many resolvers ask the network for names under localhost. A transport that is not an
// [*http.Transport] may use a proxy for them, too, so credentials go there over http only with
// [WithPlainHTTP]. If rt queues requests, as net/http's transport does with MaxConnsPerHost, time in
// the queue counts towards the stall timeout ([WithStallTimeout]).
func WithTransport(rt http.RoundTripper) Option {
	return func(o *options) error {
		if registry.IsNil(rt) {
			return errors.New("transport: nil")
		}
		o.registry.Transport = rt
		return nil
	}
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
	return func(o *options) error {
		if registry.IsNil(l) {
			return errors.New("logger: nil; to disable logging, omit WithLogger")
		}
		o.registry.Log = l
		return nil
	}
}

// WithConcurrency limits how many blobs or tags one call transfers concurrently. The default is 4.
func WithConcurrency(n int) Option {
	return func(o *options) error {
		if n < 1 {
			return fmt.Errorf("concurrency %d: must be positive", n)
		}
		o.concurrency = n
		return nil
	}
}

// WithMaxBlobBytes limits blobs to n bytes. A larger blob is [ErrTooLarge]. The default is 8 GiB.
func WithMaxBlobBytes(n int64) Option {
	return func(o *options) error {
		if n < 1 {
			return fmt.Errorf("blob limit of %d bytes: must be positive", n)
		}
		o.registry.MaxBlobBytes = n
		return nil
	}
}

// WithUserAgent sets the calling program's name in the User-Agent header, where it precedes
// go-containerregistry's. The default is "leioci".
func WithUserAgent(ua string) Option {
	return func(o *options) error {
		if ua == "" || strings.ContainsFunc(ua, func(r rune) bool { return r < ' ' || r > '~' }) {
			return fmt.Errorf("user agent %q: must be printable ASCII and not empty", ua)
		}
		o.registry.UserAgent = ua
		return nil
	}
}

// RetryPolicy says how often an operation is attempted and how long to wait between attempts. An
// operation is a handshake or the transfer of a manifest, a tag or a blob. It is retried if the
// connection fails or stalls; on the statuses by which a registry, or a proxy in front of it, says
// that it is busy or away (408, 425, 429, 500, 502, 503, 504, 520 to 524, 527, 529, 530, 598 and
// 599); and on the codes TOOMANYREQUESTS and UNAVAILABLE of the OCI distribution specification.
//
// Each delay is random, between zero and an upper bound. The bound starts at MinDelay and doubles
// with each failure, up to MaxDelay. A Retry-After (RFC 9110), in seconds or as a date, is honored
// up to MaxRetryAfter. If it is longer, the operation fails at once with a [*RateLimitError].
type RetryPolicy struct {
	Attempts           int           // total attempts, so 1 means no retries; default 5
	MinDelay, MaxDelay time.Duration // default 500 ms and 20 s
	MaxRetryAfter      time.Duration // default 1 minute
}

// WithRetry sets the policy for transient failures. Zero fields mean the default. An interrupted
// download resumes where it stopped, and every byte received resets the count of attempts.
func WithRetry(r RetryPolicy) Option {
	return func(o *options) error {
		if r.Attempts < 0 || r.MinDelay < 0 || r.MaxDelay < 0 || r.MaxRetryAfter < 0 {
			return fmt.Errorf("retry: negative value in %+v", r)
		}
		d := defaultRetryPolicy()
		r.Attempts = orDefault(r.Attempts, d.Attempts)
		r.MinDelay = orDefault(r.MinDelay, d.MinDelay)
		r.MaxDelay = orDefault(r.MaxDelay, max(d.MaxDelay, r.MinDelay))
		r.MaxRetryAfter = orDefault(r.MaxRetryAfter, d.MaxRetryAfter)
		if r.MaxDelay < r.MinDelay {
			return fmt.Errorf("retry: MaxDelay %v is shorter than MinDelay %v", r.MaxDelay, r.MinDelay)
		}
		o.registry.Retry = registry.RetryPolicy(r)
		return nil
	}
}

func orDefault[T comparable](value, def T) T {
	var zero T
	if value == zero {
		return def
	}
	return value
}

// WithStallTimeout fails a request with [ErrStalled] if no byte moves in either direction for d.
// The default is 30 seconds. Once an upload was sent completely, its response may take ten times as
// long. A transfer that makes progress may take forever; to limit that, use a context with a
// deadline.
func WithStallTimeout(d time.Duration) Option {
	return func(o *options) error {
		if d <= 0 {
			return fmt.Errorf("stall timeout %v: must be positive", d)
		}
		o.registry.StallTimeout = d
		return nil
	}
}

// WithPlainHTTP uses http, and never https, for these registries (host or host:port; the default
// port is 80), and lets credentials be sent to them unencrypted. Without it, credentials are sent
// over http only to loopback addresses and names under localhost, and not through a proxy. It
// cannot be combined with [WithHTTPSOnly].
func WithPlainHTTP(registries ...string) Option {
	return func(o *options) error {
		for _, r := range registries {
			reg, err := parseRegistry(r)
			if err != nil {
				return fmt.Errorf("plain HTTP for %s: %w: want host or host:port", quote(r), ErrInvalidReference)
			}
			o.registry.PlainHTTP = append(o.registry.PlainHTTP, reg.RegistryStr())
		}
		return nil
	}
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
	return func(o *options) error {
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
	}
}

// A Mirror is another repository with the same content.
type Mirror struct {
	// Of is the original repository, the one that references name.
	Of name.Repository
	// At is the mirror, which is tried first.
	At name.Repository
}

// WithMirrors pulls from the mirrors of a repository first, in the order given, and from the
// repository itself last. Pushes and [Client.Tags] do not use mirrors.
//
// A source is skipped if it cannot be reached, does not respond, does not have the content, or
// responds with an error. It is skipped with a warning if it rejects the credentials, serves
// content that does not match its digest, or has a snapshot that is too old ([MaxAge], [ErrOlder]).
// If all sources fail, the error gives the reason for each.
//
// A reference is resolved at one source. Everything after that uses the digest, from whichever
// source has it. If none has all of it, a tag is resolved at the next source. Each source has its own credentials, which are never sent to another.
func WithMirrors(mirrors ...Mirror) Option {
	return func(o *options) error {
		for _, m := range mirrors {
			if m.Of.RepositoryStr() == "" || m.At.RepositoryStr() == "" {
				return errors.New("mirror: both Of and At must be set")
			}
			if registry.SameRepository(m.Of, m.At) {
				return fmt.Errorf("mirror: %s cannot mirror itself", m.Of)
			}
			o.registry.Mirrors = append(o.registry.Mirrors, registry.Mirror(m))
		}
		return nil
	}
}
