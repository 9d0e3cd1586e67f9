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

// An Option configures a [Client]. A wrong one is an error of [New].
type Option func(*options) error

// options are what the client gives to package registry, and what it keeps itself.
type options struct {
	registry    registry.Config
	tls         *tls.Config
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
	for _, opt := range opts {
		if err := opt(o); err != nil {
			return nil, err
		}
	}
	if o.registry.Transport != nil && o.tls != nil {
		return nil, errors.New("a transport has its own TLS configuration: give WithTransport or WithTLS")
	}
	if o.registry.Transport == nil {
		o.registry.Transport = registry.NewTransport(o.tls)
	}
	if o.tls != nil && o.tls.InsecureSkipVerify {
		o.registry.Log.Warn("TLS certificates are not verified: anyone on the way can read credentials and change what is not asked for by digest")
	}
	return o, nil
}

// silent returns a logger that writes nothing.
func silent() logrus.FieldLogger {
	l := logrus.New()
	l.SetOutput(io.Discard)
	l.SetLevel(logrus.PanicLevel)
	return l
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
func (o *options) bind(host string, a authn.Authenticator) error {
	reg, err := name.NewRegistry(host, name.StrictValidation)
	if err != nil {
		return fmt.Errorf("credentials for %s: %w: want host or host:port", quote(host), ErrInvalidReference)
	}
	for other := range o.registry.Auths {
		if registry.SameHost(other, reg.RegistryStr()) {
			return fmt.Errorf("credentials for %s: given twice", reg)
		}
	}
	o.registry.Auths[reg.RegistryStr()] = a
	return nil
}

// WithKeychain asks k for the credentials of every registry that [WithAuth] and [WithToken] do not name.
// The default is [DefaultKeychain]: the docker and podman configuration files and credential helpers.
func WithKeychain(k authn.Keychain) Option {
	return func(o *options) error {
		if k == nil {
			return errors.New("keychain: nil; for anonymous access use authn.NewMultiKeychain()")
		}
		o.registry.Keychain = k
		return nil
	}
}

// WithTransport sends all requests through rt: the caller's proxies, CAs, tracing. The default is a transport of the
// client's own, with proxies from the environment ([http.ProxyFromEnvironment]; none for loopback addresses and names under
// localhost) and what [WithTLS] says. A transport that is no [*http.Transport] may use a proxy for names under localhost, so
// credentials go there over http only with [WithPlainHTTP]. Where rt makes requests
// wait, as net/http's does with MaxConnsPerHost, the waiting counts as silence ([WithStallTimeout]).
func WithTransport(rt http.RoundTripper) Option {
	return func(o *options) error {
		if rt == nil {
			return errors.New("transport: nil")
		}
		o.registry.Transport = rt
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
		o.registry.Log = l
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
		o.registry.MaxBlobBytes = n
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
		o.registry.UserAgent = ua
		return nil
	}
}

// RetryPolicy says how often an operation is tried, and how long to wait in between. An operation is a handshake, a
// manifest, a tag, or a blob; what is tried again is a connection that failed or stalled, the statuses by which a registry,
// or a proxy in front of it, says that it is busy or away (408, 425, 429, 500, 502, 503, 504, 520 to 524, 527, 529, 530, 598
// and 599), and the codes TOOMANYREQUESTS and UNAVAILABLE of the OCI distribution specification.
//
// The wait is a random time between nothing and MinDelay doubled with each failure, at most MaxDelay. A Retry-After (RFC
// 9110), in seconds or as a date, is obeyed up to MaxRetryAfter; beyond it the error is a [*RateLimitError] at once.
type RetryPolicy struct {
	Attempts           int           // tries in all; 1 means no second one. Default 5
	MinDelay, MaxDelay time.Duration // default 500 ms and 20 s
	MaxRetryAfter      time.Duration // default 1 minute
}

// WithRetry replaces the policy for failures that pass. Fields that are zero keep their defaults. A download that breaks
// off goes on where it stopped; every byte that came starts the count of tries anew.
func WithRetry(r RetryPolicy) Option {
	return func(o *options) error {
		if r.Attempts < 0 || r.MinDelay < 0 || r.MaxDelay < 0 || r.MaxRetryAfter < 0 {
			return fmt.Errorf("retry: a negative number in %+v", r)
		}
		d := defaultRetryPolicy()
		r.Attempts = orDefault(r.Attempts, d.Attempts)
		r.MinDelay = orDefault(r.MinDelay, d.MinDelay)
		r.MaxDelay = orDefault(r.MaxDelay, max(d.MaxDelay, r.MinDelay))
		r.MaxRetryAfter = orDefault(r.MaxRetryAfter, d.MaxRetryAfter)
		if r.MaxDelay < r.MinDelay {
			return fmt.Errorf("retry: the longest delay, %v, is shorter than the shortest, %v", r.MaxDelay, r.MinDelay)
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

// WithStallTimeout fails a request with [ErrStalled] after d without a byte, in either direction. The default is 30
// seconds. The answer to an upload that was sent whole may take ten times as long. There is no limit to the time of a
// transfer that moves; for that, give a context with a deadline.
func WithStallTimeout(d time.Duration) Option {
	return func(o *options) error {
		if d <= 0 {
			return fmt.Errorf("stall timeout %v: want more than 0", d)
		}
		o.registry.StallTimeout = d
		return nil
	}
}

// WithPlainHTTP speaks http, and never https, to these registries (host or host:port; port 80 is the default), and sends them
// credentials so. Without it, credentials go over http to loopback addresses alone, and to names under localhost, and not
// through a proxy.
func WithPlainHTTP(registries ...string) Option {
	return func(o *options) error {
		for _, r := range registries {
			reg, err := name.NewRegistry(r, name.StrictValidation)
			if err != nil {
				return fmt.Errorf("plain HTTP for %s: %w: want host or host:port", quote(r), ErrInvalidReference)
			}
			o.registry.PlainHTTP = append(o.registry.PlainHTTP, reg.RegistryStr())
		}
		return nil
	}
}

// WithPrivateRedirects lets registries send their clients to other addresses in these networks: for redirects, for
// uploads, and to their token servers. Without it, an address literal that is not public by the registries of IANA (RFC 6890:
// private networks, 100.64.0.0/10, loopback, link-local and others, also inside an IPv6 address) is refused unless it is the
// registry's own, on whatever port, because a registry could make its clients ask what only they can reach. So is localhost.
// Other names are followed wherever they lead.
func WithPrivateRedirects(networks ...netip.Prefix) Option {
	return func(o *options) error {
		if len(networks) == 0 {
			return errors.New("private redirects: no networks")
		}
		for _, n := range networks {
			if !n.IsValid() {
				return fmt.Errorf("private redirects: %v is not a network", n)
			}
		}
		o.registry.PrivateNetworks = append(o.registry.PrivateNetworks, networks...)
		return nil
	}
}

// A Mirror is another place for what a repository holds.
type Mirror struct {
	// Of is the repository that references name.
	Of name.Repository
	// At is where it is asked for first.
	At name.Repository
}

// WithMirrors reads what a repository holds from its mirrors, in the order given, and last from the repository itself.
// Pushes and [Client.Tags] do not use them.
//
// A source that cannot be reached, does not answer, does not have what is wanted, or answers with an error, is passed
// over; one that refuses the credentials, serves content that does not have its digest, or a snapshot that is too old
// ([MaxAge], [ErrOlder]), with a warning. If all fail, the error lists every source with its reason. A reference is
// resolved at one source; everything after uses the digest, wherever it comes from. Each source has credentials of its own: those of one are never sent to another.
func WithMirrors(mirrors ...Mirror) Option {
	return func(o *options) error {
		for _, m := range mirrors {
			if m.Of.RepositoryStr() == "" || m.At.RepositoryStr() == "" {
				return errors.New("mirror: want the repository it is of and the one it is at")
			}
			if m.Of == m.At {
				return fmt.Errorf("mirror: %s is no mirror of itself", m.Of)
			}
			o.registry.Mirrors = append(o.registry.Mirrors, registry.Mirror(m))
		}
		return nil
	}
}
