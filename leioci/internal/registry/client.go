// Package registry is everything that is said to an OCI registry: how a client authenticates, where
// it reads a repository from, and how manifests and blobs travel. It knows nothing of snapshots,
// directories or LEI.
//
// A [Source] reads a repository, at its mirrors first; a [Destination] writes to one. Both work in
// sessions: one handshake serves all requests for a repository and scope. Every operation is retried
// as a whole, by one loop that stands where the operation begins: a retry may need a new session, a
// fresh token or a new upload, so no layer below can retry by itself.
//
// Requests pass through two halves. Below go-containerregistry's authentication is a chain of
// RoundTrippers that refuse, limit, log and time out (transport.go); it sees the requests of a
// handshake too. Above it is what knows about blobs and manifests.
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
	"github.com/lowendinsight/lei-go/leioci/internal/retry"
)

// Config is what a [Client] is made of. Every field must be set unless it says otherwise.
type Config struct {
	// Auths are credentials for single registries, by host. They come before Keychain. May be nil.
	Auths    map[string]authn.Authenticator
	Keychain authn.Keychain

	// Transport sends the requests.
	Transport http.RoundTripper
	// PlainHTTP lists the registries, host or host:port, that are spoken to over http and never over https.
	PlainHTTP []string
	// PrivateNetworks are the private addresses that a registry may redirect to. May be nil.
	PrivateNetworks []netip.Prefix
	// Mirrors are tried in their order. May be nil.
	Mirrors []Mirror

	Retry        RetryPolicy
	StallTimeout time.Duration
	MaxBlobBytes int64
	UserAgent    string

	Log logrus.FieldLogger
	// Explain adds to an error what it means to a user, for the log.
	Explain func(error) error
}

// A RetryPolicy says how often an operation is tried, and how long to wait in between.
type RetryPolicy = retry.Policy

// A Mirror is another place for what a repository holds.
type Mirror struct{ Of, At name.Repository }

// A Client talks to registries. It is safe for concurrent use.
type Client struct {
	config   Config
	guard    guard.Transport // the lower half of every session's transport
	sessions sessions
}

// New returns a client.
func New(config Config) *Client {
	return &Client{config: config, guard: newChain(config)}
}

// RateLimited reports whether err is that of a registry that wants less traffic, and when it wants to be
// asked again: 0 if it did not say.
func RateLimited(err error) (after time.Duration, ok bool) {
	limited, ok := errdef.NoteOf[retry.Limited](err)
	return limited.After, ok
}

// SameHost reports whether two names of a registry, host or host:port, are the same over https: the case
// of letters and a port 443 that is spelled out make no difference.
func SameHost(a, b string) bool { return guard.SameHost(a, b, "https") }

// given returns the credentials that were given for a registry, however it is spelled.
func (c *Client) given(registry string) (authn.Authenticator, bool) {
	if auth, ok := c.config.Auths[registry]; ok {
		return auth, true
	}
	scheme := "https"
	if c.guard.UsesPlainHTTP(registry) {
		scheme = "http"
	}
	for host, auth := range c.config.Auths {
		if guard.SameHost(host, registry, scheme) {
			return auth, true
		}
	}
	return nil, false
}

// retry carries out an operation by the client's policy.
func (c *Client) retry(ctx context.Context, operation func(context.Context) error) error {
	return c.config.Retry.Do(ctx, operation, c.logRetry)
}

func (c *Client) logRetry(err error, wait time.Duration) {
	c.config.Log.Infof("trying again in %v: %v", wait.Round(time.Millisecond), Redact(err))
}
