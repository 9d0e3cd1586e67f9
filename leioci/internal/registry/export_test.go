package registry

import (
	"context"
	"net/http"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Connect looks the credentials up.
func (d *Destination) Connect(ctx context.Context) error {
	return d.do(ctx, func(context.Context, *session) error { return nil })
}

// NewSession returns what the requests of a new session to push are sent through, for those that no
// operation begins with today.
func (c *Client) NewSession(repo name.Repository, with credentials) (http.RoundTripper, error) {
	s, err := c.open(sessionKey{repo, transport.PushScope}, with)
	if err != nil {
		return nil, err
	}
	return s.transport, nil
}

// Anonymous are no credentials.
func Anonymous() credentials { return anonymous("none") }
