package leioci

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci/internal/artifact"
	"github.com/lowendinsight/lei-go/leioci/internal/registry"
	"github.com/lowendinsight/lei-go/leioci/internal/verify"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// A PushOption changes what [Client.PushSnapshot] does.
type PushOption func(*pushOptions) error

type pushOptions struct{ allowMoveBack bool }

// AllowMoveBack lets a push move a tag such as "latest" from a newer snapshot to an older one.
func AllowMoveBack() PushOption {
	return func(o *pushOptions) error {
		o.allowMoveBack = true
		return nil
	}
}

// PushSnapshot pushes a snapshot under tags. The image may come from [Package] or any other source.
// The order is that of [Client.Push]: the blobs, then the first tag, then the others. Layers are
// streamed from their source.
//
// A moving tag (any that is not an ISO date) is not moved back from a newer snapshot to this one:
// the push fails with [ErrOlder] before anything is uploaded, unless [AllowMoveBack] is given. To
// add an older snapshot, push it under its dated tag only. Registries have no compare-and-swap, so
// two concurrent publishers can still overwrite each other's tags.
//
// An image that is not a snapshot (see [Unpack]) is [ErrNotSnapshot]. The other errors are those of
// [Client.Push], except that the registry checks the layers' data as it arrives.
func (c *Client) PushSnapshot(ctx context.Context, repo name.Repository, tags []string, img v1.Image, opts ...PushOption) (name.Digest, error) {
	var o pushOptions
	for i, opt := range opts {
		if opt == nil {
			return name.Digest{}, fmt.Errorf("push to %s: push option %d of %d is nil", repo, i+1, len(opts))
		}
		if err := opt(&o); err != nil {
			return name.Digest{}, fmt.Errorf("push to %s: %w", repo, err)
		}
	}
	p, err := newSnapshotPlan(repo, tags, img)
	if err != nil {
		return name.Digest{}, fmt.Errorf("push to %s: %w", repo, err)
	}
	to, err := c.connect(ctx, p)
	if err != nil {
		return name.Digest{}, err
	}
	if !o.allowMoveBack {
		if err := refuseMoveBack(ctx, p, img, to.Source()); err != nil {
			return name.Digest{}, fail("push", p.ref, err)
		}
	}
	return c.push(ctx, p, to)
}

func newSnapshotPlan(repo name.Repository, tags []string, img v1.Image) (*pushPlan, error) {
	if img == nil {
		return nil, errors.New("the image is nil")
	}
	raw, err := img.RawManifest()
	if err != nil {
		return nil, err
	}
	blobs, err := img.Layers()
	if err != nil {
		return nil, err
	}
	config, err := partial.ConfigLayer(img)
	if err != nil {
		return nil, err
	}
	p, err := newPushPlan(repo, tags, raw, append(blobs, config))
	if err != nil {
		return nil, err
	}
	_, err = artifact.Files(p.manifest)
	return p, err
}

// refuseMoveBack returns ErrOlder if a moving tag points to a newer snapshot.
func refuseMoveBack(ctx context.Context, p *pushPlan, img v1.Image, src *registry.Source) error {
	var newDate time.Time
	for _, tag := range p.tags {
		if isDated(tag) {
			continue
		}
		current, _, err := src.Manifest(ctx, p.repo.Tag(tag), nil)
		if hasNoSnapshot(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("check tag %s: %w", tag, err)
		}
		if newDate.IsZero() {
			if newDate, err = dateOf(ctx, p.manifest, layersOf(img)); err != nil {
				return err
			}
		}
		currentDate, err := dateOf(ctx, current.Manifest, blobOpener(src))
		if err != nil {
			return fmt.Errorf("read the date of the snapshot at tag %s (to skip this check, use AllowMoveBack, "+
				"--allow-move-back): %w", tag, err)
		}
		if newDate.Before(currentDate) {
			return fmt.Errorf("%w: %s points to the snapshot of %s, this one is of %s; push it under %[4]s only, "+
				"or allow the move (AllowMoveBack, --allow-move-back)",
				ErrOlder, tag, currentDate.Format(time.DateOnly), newDate.Format(time.DateOnly))
		}
	}
	return nil
}

// hasNoSnapshot reports whether err means that a tag does not exist or cannot be a snapshot. Some
// registries respond with 403 for what does not exist:
// https://github.com/google/go-containerregistry/blob/v0.22.1/pkg/v1/remote/pusher.go#L319
func hasNoSnapshot(err error) bool {
	var response *transport.Error
	if errors.As(err, &response) {
		return response.StatusCode == http.StatusNotFound || response.StatusCode == http.StatusForbidden
	}
	return errors.Is(err, ErrUnsupportedManifest)
}

// dateOf returns the date of the snapshot that m describes. It comes from the annotation or,
// because the original client writes none, from manifest.json. It is zero if neither has one, for
// example because m is not a snapshot.
func dateOf(ctx context.Context, m *v1.Manifest, open opener) (time.Time, error) {
	if date, ok := artifact.Date(m); ok {
		return date, nil
	}
	files, err := artifact.Files(m)
	if err != nil {
		return time.Time{}, nil
	}
	d := files[0].Descriptor
	rc, err := open(ctx, d)
	if err != nil {
		return time.Time{}, err
	}
	defer rc.Close()
	v, err := verify.NewReader(rc, d.Digest, d.Size, snapshot.MaxManifestBytes)
	if err != nil {
		return time.Time{}, err
	}
	meta, err := snapshot.ReadMetadata(v)
	if errors.Is(err, ErrNotSnapshot) {
		return time.Time{}, nil
	}
	return meta.Date, err
}
