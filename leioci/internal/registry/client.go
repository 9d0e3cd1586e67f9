// Package registry talks to OCI registries. It decides how a client authenticates, where a
// repository is read from, and how manifests and blobs are transferred. It knows nothing of
// snapshots, directories or LEI.
//
// A [Source] reads a repository, trying its mirrors first; a [Destination] writes to one. Both work
// in sessions, which find out with their first request what the registry requires for a repository
// and scope, and get one token for all that follow. No request is made just for that. Each
// operation is retried as a whole, by a single loop around it: a retry may need a new session, a
// fresh token or a new upload, so no layer below can retry on its own.
//
// Requests pass through two halves. Below go-containerregistry's authentication is a chain of
// RoundTrippers that refuse, limit, log and time out (transport.go); it also sees the requests for
// tokens. Above it is the code that knows about blobs and manifests.
package registry

import (
	"context"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/guard"
	"github.com/lowendinsight/lei-go/leioci/internal/limit"
	"github.com/lowendinsight/lei-go/leioci/internal/retry"
	"github.com/lowendinsight/lei-go/leioci/internal/wirelog"
)

// Config configures a [Client]. Every field must be set unless it says otherwise.
type Config struct {
	// Auths are credentials for individual registries, by host. They take precedence over Keychain.
	// May be nil.
	Auths    map[string]authn.Authenticator
	Keychain authn.Keychain

	// Transport sends the requests.
	Transport http.RoundTripper
	// HTTP1 sends those with a large body, or a large response, to servers that speak HTTP/2 with
	// Transport. If it is nil, Transport sends them.
	HTTP1 http.RoundTripper
	// PlainHTTP lists the registries, as host or host:port, that are reached over http and never
	// over https.
	PlainHTTP []string
	// HTTPSOnly: no other registry is spoken to over http, not even where https fails.
	HTTPSOnly bool
	// PrivateNetworks are the private addresses that a registry may redirect to. May be nil.
	PrivateNetworks []netip.Prefix
	// Mirrors are tried in order. May be nil.
	Mirrors []Mirror

	Retry        RetryPolicy
	StallTimeout time.Duration
	MaxBlobBytes int64
	// OneStream: no blob is fetched in ranges at the same time. May be false.
	OneStream bool
	UserAgent string

	Log logrus.FieldLogger
	// Explain adds to an error, for the log, what it means to the user.
	Explain func(error) error
}

// A RetryPolicy says how often an operation is tried, and how long to wait in between.
type RetryPolicy = retry.Policy

// A Mirror is another place that serves the content of a repository.
type Mirror struct{ Of, At name.Repository }

// A Client talks to registries. It is safe for concurrent use.
type Client struct {
	config   Config
	network  http.RoundTripper
	guard    guard.Transport // the lower half of every session's transport
	sent     *limit.Sent     // what no error may show
	sessions sessions
	ranges   ranges
	// canonicals are the canonical spellings of registries, which every operation asks for.
	canonicals lru[name.Registry, canonicalRegistry]
	// identities are the identity tokens that were replaced by token servers.
	identities lru[identityKey, *identity]
	// origins are how the hosts are reached of which that was to be found out.
	origins lru[string, *atomic.Pointer[origin]]
}

// New returns a client.
func New(config Config) *Client {
	config = config.canonicalize()
	sent := &limit.Sent{}
	network := config.Transport
	if config.HTTP1 != nil {
		network = &bulk{usual: config.Transport, http1: config.HTTP1}
	}
	return &Client{config: config, network: network, guard: newChain(config, network, sent), sent: sent}
}

// CloseIdleConnections closes the transport's connections that are not in use, if it can do that.
func (c *Client) CloseIdleConnections() { closeIdle(c.network) }

// MaxBlobBytes returns the limit for blobs, which is that of other places, too.
func (c *Client) MaxBlobBytes() int64 { return c.config.MaxBlobBytes }

// RateLimited reports whether err is that of a registry that wants less traffic, and when it wants
// to be asked again: 0 if it did not say.
func RateLimited(err error) (after time.Duration, ok bool) {
	limited, ok := errdef.NoteOf[retry.Limited](err)
	return limited.After, ok
}

// Hears reports whether the log takes messages of a level, as far as that is known.
func (c *Client) Hears(level logrus.Level) bool { return wirelog.Hears(c.config.Log, level) }

// retry runs an operation under the client's retry policy.
func (c *Client) retry(ctx context.Context, operation func(context.Context) error) error {
	return c.config.Retry.Do(ctx, operation, c.logRetry)
}

func (c *Client) logRetry(err error, wait time.Duration) {
	c.config.Log.Infof("trying again in %v: %v", wait.Round(time.Millisecond), Redact(err))
}
