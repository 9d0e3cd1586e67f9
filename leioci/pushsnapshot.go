package leioci

import (
	"context"
	"fmt"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"

	"github.com/lowendinsight/lei-go/leioci/internal/artifact"
	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/progress"
	"github.com/lowendinsight/lei-go/leioci/internal/registry"
)

// A PushOption changes what [Client.PushSnapshot] does.
type PushOption interface{ push(*pushOptions) error }

// pushOption is a [PushOption] that serves nothing but pushes.
type pushOption func(*pushOptions) error

func (f pushOption) push(o *pushOptions) error { return f(o) }

type pushOptions struct {
	allowMoveBack, allowFuture, noOverwrite bool
	progress                                *progress.Tracker // nil if nobody wants to be told
}

// apply sets what the options say.
func (o *pushOptions) apply(opts []PushOption) error {
	for i, opt := range opts {
		if opt == nil {
			return fmt.Errorf("option %d: nil", i+1)
		}
		if err := opt.push(o); err != nil {
			return err
		}
	}
	return nil
}

// AllowMoveBack lets a push or a copy move a tag such as "latest" from a newer snapshot to an older
// one. No tag is looked at then, so that credentials which only permit pushing are enough. For the
// same reason the registry is asked for every blob, so that such a push repairs a repository which
// has lost some of those that its manifests list.
func AllowMoveBack() DestinationOption {
	return destinationOption{
		func(o *pushOptions) error { o.allowMoveBack = true; return nil },
		func(o *copyOptions) error { o.allowMoveBack = true; return nil },
	}
}

// PushFuture lets a push publish a snapshot that is dated later than tomorrow.
func PushFuture() PushOption {
	return pushOption(func(o *pushOptions) error {
		o.allowFuture = true
		return nil
	})
}

// PushSnapshot pushes a snapshot under tags. The image may come from [Package] or any other source.
// The order is that of [Client.Push]: the blobs, then the first tag, then the others. Layers are
// streamed from their source. In place of the first tag, the moving tags are looked at, if there
// are any, all at once: a push that was made already costs one request for each tag.
//
// The files of an image from [PackageSnapshot] are read for their digests here, under ctx, unless
// they have them: while the tags are looked at, and, if they are large, while they are sent. One is
// hashed before it is sent if a tag that was looked at lists a blob of that very size. Before the
// first request, it is only checked that no file was written to since its snapshot was opened. One
// that is written to later is [ErrVerification], too, but may have been sent in part by then, and
// other blobs entirely; no tag is moved.
//
// A moving tag (any that is not an ISO date) is not moved back from a newer snapshot to this one:
// the push fails with [ErrOlder] before anything is uploaded, unless [AllowMoveBack] is given. To
// add an older snapshot, push it under its dated tag only. Upload sessions that were opened by then
// are ended, if the registry lets those who push do that; it drops them some day. Registries have no
// compare-and-swap, so two concurrent publishers can still overwrite each other's tags.
//
// If the registry does not let a moving tag be looked at (401, 403), the push fails: only 404 means
// that there is none, and not if it comes with a page of HTML or the code of another error. A tag
// that holds something other than a snapshot, or a snapshot of a future date, is moved, and a
// warning is logged.
//
// With [NoOverwrite], no tag is changed at all ([ErrTagExists]).
//
// A snapshot that is dated later than tomorrow (UTC) is [ErrFuture], unless [PushFuture] is given:
// nothing newer could replace it at its consumers.
//
// An image that is not a snapshot (see [Unpack]) is [ErrNotSnapshot], and so is one whose
// annotation org.opencontainers.image.version is another date than that in its manifest.json. The
// other errors are those of [Client.Push], except that the registry checks the layers' data as it
// arrives.
func (c *Client) PushSnapshot(ctx context.Context, repo name.Repository, tags []string, img v1.Image, opts ...PushOption) (name.Digest, error) {
	p, permit, err := c.planSnapshot(ctx, repo, tags, img, opts)
	if err != nil {
		return name.Digest{}, err
	}
	defer p.progress.End()
	return c.push(ctx, p, c.registry.Destination(p.repo), permit)
}

// planSnapshot validates everything that can be validated without a request. permit asks the
// registry whether the push may begin.
func (c *Client) planSnapshot(ctx context.Context, repo name.Repository, tags []string, img v1.Image, opts []PushOption) (
	p *pushPlan, permit func(context.Context, *known) error, err error,
) {
	if err := c.checkDestination(ctx, "push", repo); err != nil {
		return nil, nil, err
	}
	var o pushOptions
	if err := o.apply(opts); err != nil {
		return nil, nil, fmt.Errorf("push to %s: %w", repo, err)
	}
	if p, err = newSnapshotPlan(ctx, repo, tags, img); err != nil {
		return nil, nil, fmt.Errorf("push to %s: %w", repo, err)
	}
	date, err := ownDate(ctx, p, img)
	if err == nil && !o.allowFuture {
		err = refuseFuture(date)
	}
	if err != nil {
		return nil, nil, fail("push", p.what(), err)
	}
	p.noOverwrite = o.noOverwrite
	p.tell(o.progress)
	to := c.registry.Destination(p.repo)
	return p, func(ctx context.Context, known *known) error {
		switch {
		case o.noOverwrite: // then nothing is moved back, either
			return c.refuseOverwrite(ctx, p, to, known)
		case o.allowMoveBack:
			return nil
		}
		return c.refuseMoveBack(ctx, p, date, to, known)
	}, nil
}

// refuseFuture returns ErrFuture for a date that is later than tomorrow.
func refuseFuture(date time.Time) error {
	if !artifact.IsFuture(date) {
		return nil
	}
	return fmt.Errorf("%w: it is dated %s, and today is %s; check the clocks, or allow it with %w",
		ErrFuture, date.Format(time.DateOnly), time.Now().UTC().Format(time.DateOnly), errdef.PushFuture)
}

func newSnapshotPlan(ctx context.Context, repo name.Repository, tags []string, img v1.Image) (*pushPlan, error) {
	if registry.IsNil(img) {
		return nil, errNilImage
	}
	if ours, ok := img.(*packagedImage); ok {
		return newPackagedPlan(ctx, repo, tags, ours.core)
	}
	img = imageUnder(ctx, img)
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
	m, err := p.manifest.get(ctx)
	if err == nil {
		_, err = artifact.Files(m.Manifest)
	}
	return p, err
}
