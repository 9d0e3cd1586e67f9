package registry

import (
	"context"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Tags lists all tags of repo, across all pages, in the registry's order. It does not consult
// mirrors.
func (c *Client) Tags(ctx context.Context, repo name.Repository) (tags []string, err error) {
	// Canceling releases the response that package remote leaves open if it cannot decode a
	// listing.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err = c.retry(ctx, func(ctx context.Context) error {
		return c.inSession(ctx, sessionKey{repo, transport.PullScope}, func(ctx context.Context, s *session) error {
			puller, err := remote.NewPuller(s.remoteOptions()...)
			if err != nil {
				return err
			}
			tags, err = puller.List(ctx, repo)
			return err
		})
	})
	return tags, err
}
