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
	return d.client.retry(ctx, func(ctx context.Context) error {
		return d.client.inSession(ctx, sessionKey{d.repo, transport.PushScope}, do)
	})
}

// Connect authenticates, so that later operations do not fail for lack of it.
func (d *Destination) Connect(ctx context.Context) error {
	return d.do(ctx, func(context.Context, *session) error { return nil })
}

// Unanswered is attached to the error of a request that the registry may have carried out although
// no response arrived (errdef.NoteOf).
type Unanswered struct{}

// PutManifest puts a manifest under a tag. If it is unknown whether the tag was moved, the error
// carries the note [Unanswered].
func (d *Destination) PutManifest(ctx context.Context, tag string, raw []byte, mediaType types.MediaType) error {
	unanswered := false // in any attempt: that one may have succeeded
	err := d.do(ctx, func(ctx context.Context, s *session) error {
		// A new pusher each time: it returns one caller's context error to the next.
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

// isUnanswered reports whether err means that the request may have reached the registry but no
// response came back: it broke off, or its context ended, after a connection existed.
func isUnanswered(ctx context.Context, err error) bool {
	var response *transport.Error
	var network *net.OpError
	connected := !errors.As(err, &network) || network.Op != "dial"
	sent := ctx.Err() != nil || retry.IsRetryable(err)
	return err != nil && connected && sent && !errors.As(err, &response)
}

// rawManifest is a manifest as package remote takes it, with the media type that it would otherwise guess.
type rawManifest struct {
	raw       []byte
	mediaType types.MediaType
}

func (m rawManifest) RawManifest() ([]byte, error)        { return m.raw, nil }
func (m rawManifest) MediaType() (types.MediaType, error) { return m.mediaType, nil }
