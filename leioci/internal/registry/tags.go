package registry

import (
	"context"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Tags lists the tags of repo, all pages of them, in the registry's order. Mirrors are not asked.
func (c *Client) Tags(ctx context.Context, repo name.Repository) (tags []string, err error) {
	// What package remote leaves open of a listing that it cannot decode ends with this context.
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
