package leioci

import (
	"fmt"

	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
)

// A Client pushes to and pulls from OCI registries. Make one with [New] and keep it: it reuses its
// connections, and its tokens for each repository. It is safe for concurrent use.
type Client struct {
	registry    *registry.Client
	log         logrus.FieldLogger
	concurrency int // how many blobs or tags one call transfers concurrently
	demands     demands
}

// New returns a client. Without options, it uses docker's or podman's credentials, or anonymous
// access if there are none, and needs no home directory. The error names the option that is
// invalid.
func New(opts ...Option) (*Client, error) {
	o, err := makeOptions(opts)
	if err != nil {
		return nil, fmt.Errorf("new client: %w", err)
	}
	return &Client{registry: registry.New(o.registry), log: o.registry.Log, concurrency: o.concurrency, demands: o.demands}, nil
}

// CloseIdleConnections closes the client's connections that are not in use. The client stays
// usable, and transfers in progress continue. A transport given with [WithTransport] is asked to
// close its idle connections if it has a method of this name, as with
// [http.Client.CloseIdleConnections].
func (c *Client) CloseIdleConnections() {
	if c.check() == nil {
		c.registry.CloseIdleConnections()
	}
}
