package leioci

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/internal/artifact"
	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/registry"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
	"github.com/lowendinsight/lei-go/leioci/internal/verify"
)

// PushTo pushes a snapshot to a location under tags: to a registry as [Client.PushSnapshot] does, and
// to a layout or an archive, which it creates if need be, under the same conditions. All options mean
// the same there. What else is there stays, and either everything of the push is there at the end, or
// nothing.
//
// If the location names a tag, tags must be empty: then that is the only one.
//
// The errors are those of [Client.PushSnapshot]; a layout or an archive that cannot be written to is
// [ErrTargetNotEmpty] or an error of the file system.
func (c *Client) PushTo(ctx context.Context, dst Location, tags []string, img v1.Image, opts ...PushOption) (v1.Hash, error) {
	tags, err := c.checkPushTo(ctx, dst, tags)
	if err != nil {
		return v1.Hash{}, err
	}
	if repo, ok := dst.Repository(); ok {
		ref, err := c.PushSnapshot(ctx, repo, tags, img, opts...)
		if err != nil {
			return v1.Hash{}, err
		}
		return v1.NewHash(ref.DigestStr())
	}
	var o pushOptions
	err = o.apply(opts)
	if err == nil {
		err = checkTags(tags)
	}
	if err != nil {
		return v1.Hash{}, fmt.Errorf("push to %s: %w", dst.Place(), err)
	}
	return c.pushLocal(ctx, dst.Place(), tags, img, o)
}

// checkPushTo checks the arguments of PushTo, and returns the tags to make.
func (c *Client) checkPushTo(ctx context.Context, dst Location, tags []string) ([]string, error) {
	if err := c.checkCall(ctx, "push"); err != nil {
		return nil, err
	}
	if err := dst.check("push"); err != nil {
		return nil, err
	}
	switch {
	case dst.byDigest():
		return nil, fmt.Errorf("push to %s: %w: cannot push to a digest; name tags", dst, ErrInvalidReference)
	case dst.id != "" && len(tags) > 0:
		return nil, fmt.Errorf("push to %s: %w: the location has a tag, and others are given", dst, ErrInvalidReference)
	case dst.id != "":
		tags = []string{dst.id}
	}
	return tags, nil
}

// pushLocal is PushTo for a layout or an archive: a copy of the image, once that may be pushed.
func (c *Client) pushLocal(ctx context.Context, dst Location, tags []string, img v1.Image, o pushOptions) (_ v1.Hash, err error) {
	defer o.progress.End()
	from, err := newImageReader(ctx, img)
	if err == nil {
		err = from.refuseFuture(ctx, o)
	}
	if err != nil {
		return v1.Hash{}, fail("push to", dst, err)
	}
	p := c.newCopying(copyOptions{allowMoveBack: o.allowMoveBack, noOverwrite: o.noOverwrite, progress: o.progress}, dst, dst)
	p.src = counted{from, &p.bytes}
	defer func() { err = errors.Join(err, p.close()) }()
	if err := p.openDestination(ctx, dst); err != nil {
		return v1.Hash{}, fail("push to", dst, err)
	}
	p.keep(from.stored)
	digest := from.stored.Descriptor.Digest
	var roots []root
	for _, tag := range tags {
		roots = append(roots, root{digest: digest, tag: tag})
	}
	if err := p.copyRoots(ctx, roots); err != nil {
		return v1.Hash{}, err
	}
	return digest, nil
}

// An imageReader reads an image as if it was in a repository of its own.
type imageReader struct {
	image  v1.Image
	plan   *pushPlan // of which only the manifest is set
	stored *store.Manifest
	config v1.Hash
}

// newImageReader hashes the files of an image, if that is still to be done, and checks that it is a
// snapshot.
func newImageReader(ctx context.Context, img v1.Image) (*imageReader, error) {
	if registry.IsNil(img) {
		return nil, errNilImage
	}
	if err := hashed(ctx, img); err != nil {
		return nil, err
	}
	raw, err := imageUnder(ctx, img).RawManifest()
	if err != nil {
		return nil, err
	}
	m, err := manifest.Parse(raw, types.OCIManifestSchema1)
	if err == nil {
		_, err = artifact.Files(m)
	}
	if err != nil {
		return nil, err
	}
	digest, size, err := v1.SHA256(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	return &imageReader{
		image:  img,
		plan:   &pushPlan{manifest: notDeferred(&manifestToPush{Manifest: m, raw: raw, digest: digest})},
		stored: &store.Manifest{Descriptor: v1.Descriptor{MediaType: m.MediaType, Digest: digest, Size: size}, Raw: raw},
		config: m.Config.Digest,
	}, nil
}

// refuseFuture returns ErrFuture for a snapshot that is dated later than tomorrow, unless that is
// allowed.
func (r *imageReader) refuseFuture(ctx context.Context, o pushOptions) error {
	date, err := ownDate(ctx, r.plan, r.image)
	if err != nil || o.allowFuture {
		return err
	}
	return refuseFuture(date)
}

func (r *imageReader) String() string { return "the image" }

// Manifest implements [store.Reader].
func (r *imageReader) Manifest(_ context.Context, id string) (*store.Manifest, error) {
	if id == r.stored.Descriptor.Digest.String() {
		return r.stored, nil
	}
	return nil, fmt.Errorf("%w: %s", errdef.ErrNotFound, id)
}

// Blob implements [store.Reader].
func (r *imageReader) Blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	rc, err := r.open(ctx, d)
	if err != nil {
		return nil, err
	}
	v, err := verify.NewReader(verify.Until(ctx, rc), d.Digest, d.Size, d.Size)
	if err != nil {
		return nil, errors.Join(err, rc.Close())
	}
	return struct {
		io.Reader
		io.Closer
	}{v, rc}, nil
}

func (r *imageReader) open(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	if d.Digest != r.config {
		return layersOf(r.image)(ctx, d)
	}
	config, err := partial.ConfigLayer(imageUnder(ctx, r.image))
	if err != nil {
		return nil, err
	}
	return contentOf(config)
}

// Download implements [store.Reader].
func (r *imageReader) Download(ctx context.Context, d v1.Descriptor, into store.Partial) (int64, error) {
	return download(ctx, r.open, d, into)
}

// Tags implements [store.Reader].
func (r *imageReader) Tags(context.Context) ([]string, error) { return nil, nil }

// Referrers implements [store.Reader]. None come with an image.
func (r *imageReader) Referrers(context.Context, v1.Hash) ([]v1.Descriptor, error) { return nil, nil }
