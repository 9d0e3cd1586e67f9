package registry

import (
	"context"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// A Destination is a repository to write to. It is safe for concurrent use.
type Destination struct {
	client *Client
	repo   name.Repository
}

// Destination returns repo as a place to write to.
func (c *Client) Destination(repo name.Repository) *Destination { return &Destination{c, repo} }

// Source returns a source that reads the destination itself, without mirrors and in the same
// session.
func (d *Destination) Source() *Source {
	return &Source{client: d.client, repo: d.repo, order: []name.Repository{d.repo}, scope: transport.PushScope}
}

// do runs one operation, with retries.
func (d *Destination) do(ctx context.Context, do operation) error {
	return d.client.retry(ctx, func(ctx context.Context) error { return d.inSession(ctx, do) })
}

// inSession runs one operation, once.
func (d *Destination) inSession(ctx context.Context, do operation) error {
	return d.client.inSession(ctx, sessionKey{d.repo, transport.PushScope}, do)
}

// Connect looks the credentials up, so that later operations do not fail for lack of them. It asks
// the registry nothing: whether that accepts them shows with the first request.
func (d *Destination) Connect(ctx context.Context) error {
	return d.do(ctx, func(context.Context, *session) error { return nil })
}
