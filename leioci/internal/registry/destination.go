package registry

import (
	"context"
	"errors"
	"net"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/retry"
)

// A Destination is a repository that is written to. It is safe for concurrent use.
type Destination struct {
	client *Client
	repo   name.Repository
}

// Destination returns repo to write to.
func (c *Client) Destination(repo name.Repository) *Destination { return &Destination{c, repo} }

// Source reads the destination itself, without mirrors and in the same session.
func (d *Destination) Source() *Source {
	return &Source{client: d.client, repo: d.repo, order: []name.Repository{d.repo}, scope: transport.PushScope}
}

// do carries out one operation, with retries.
func (d *Destination) do(ctx context.Context, do operation) error {
	return d.client.retry(ctx, func(ctx context.Context) error {
		return d.client.inSession(ctx, sessionKey{d.repo, transport.PushScope}, do)
	})
}

// Connect authenticates, so that what follows does not fail for want of that.
func (d *Destination) Connect(ctx context.Context) error {
	return d.do(ctx, func(context.Context, *session) error { return nil })
}

// Unanswered is noted on the error of a request that the registry may have carried out without saying
// so (errdef.NoteOf).
type Unanswered struct{}

// PutManifest puts a manifest under a tag. If it is unknown whether the tag was moved, [Unanswered] is
// noted on the error.
func (d *Destination) PutManifest(ctx context.Context, tag string, raw []byte, mediaType types.MediaType) error {
	unanswered := false // in any try: it may have succeeded
	err := d.do(ctx, func(ctx context.Context, s *session) error {
		// A new pusher each time: it hands the error of one context to the next caller.
		pusher, err := remote.NewPusher(s.remoteOptions()...)
		if err != nil {
			return err
		}
		err = pusher.Put(ctx, d.repo.Tag(tag), rawManifest{raw, mediaType})
		unanswered = unanswered || isUnanswered(ctx, err)
		return err
	})
	if err != nil && unanswered {
		return errdef.WithNote(err, Unanswered{})
	}
	return err
}

// isUnanswered reports whether err is that of a request that broke off, or ended with its context, after
// there was a connection.
func isUnanswered(ctx context.Context, err error) bool {
	var response *transport.Error
	var network *net.OpError
	connected := !errors.As(err, &network) || network.Op != "dial"
	sent := ctx.Err() != nil || retry.IsRetryable(err)
	return err != nil && connected && sent && !errors.As(err, &response)
}
