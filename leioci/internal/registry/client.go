// Package registry talks to OCI registries. It decides how a client authenticates, where a
// repository is read from, and how manifests and blobs are transferred. It knows nothing of
// snapshots, directories or LEI.
//
// A [Source] reads a repository, trying its mirrors first; a [Destination] writes to one. Both work
// in sessions, so one handshake serves all requests for a repository and scope. Each operation is
// retried as a whole, by a single loop around it: a retry may need a new session, a fresh token or
// a new upload, so no layer below can retry on its own.
//
// Requests pass through two halves. Below go-containerregistry's authentication is a chain of
// RoundTrippers that refuse, limit, log and time out (transport.go); it also sees the requests of a
// handshake. Above it is the code that knows about blobs and manifests.
package registry

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/guard"
	"github.com/lowendinsight/lei-go/leioci/internal/limit"
	"github.com/lowendinsight/lei-go/leioci/internal/retry"
)

// Config configures a [Client]. Every field must be set unless it says otherwise.
type Config struct {
	// Auths are credentials for individual registries, by host. They take precedence over Keychain.
	// May be nil.
	Auths    map[string]authn.Authenticator
	Keychain authn.Keychain

	// Transport sends the requests.
	Transport http.RoundTripper
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
	guard    guard.Transport // the lower half of every session's transport
	sent     *limit.Sent     // what no error may show
	sessions sessions
	ranges   ranges
	// identities are the identity tokens that were replaced by token servers.
	identities lru[identityKey, *identity]
}

// New returns a client.
func New(config Config) *Client {
	config = config.canonicalize()
	sent := &limit.Sent{}
	return &Client{config: config, guard: newChain(config, sent), sent: sent}
}

// CloseIdleConnections closes the transport's connections that are not in use, if it can do that.
func (c *Client) CloseIdleConnections() {
	if t, ok := c.config.Transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// RateLimited reports whether err is that of a registry that wants less traffic, and when it wants
// to be asked again: 0 if it did not say.
func RateLimited(err error) (after time.Duration, ok bool) {
	limited, ok := errdef.NoteOf[retry.Limited](err)
	return limited.After, ok
}

// retry runs an operation under the client's retry policy.
func (c *Client) retry(ctx context.Context, operation func(context.Context) error) error {
	return c.config.Retry.Do(ctx, operation, c.logRetry)
}

func (c *Client) logRetry(err error, wait time.Duration) {
	c.config.Log.Infof("trying again in %v: %v", wait.Round(time.Millisecond), Redact(err))
}
