package leioci

import (
	"context"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

// PreviewPushTo says what [Client.PushTo] would do with the same arguments, and writes nothing: for a
// registry as [Client.PreviewPush] does, and for a layout or an archive in the same way. Whether
// their files can be written to is not tried.
func (c *Client) PreviewPushTo(ctx context.Context, dst Location, tags []string, img v1.Image, opts ...PushOption) (*PushPreview, error) {
	tags, err := c.checkPushTo(ctx, dst, tags)
	if err != nil {
		return nil, err
	}
	if repo, ok := dst.Repository(); ok {
		return c.PreviewPush(ctx, repo, tags, img, opts...)
	}
	var o pushOptions
	if err := o.apply(opts); err != nil {
		return nil, fmt.Errorf("push to %s: %w", dst.Place(), err)
	}
	if err := checkTags(tags); err != nil {
		return nil, fmt.Errorf("push to %s: %w", dst.Place(), err)
	}
	return c.previewLocal(ctx, dst.Place(), tags, img, o)
}

// previewLocal is PreviewPushTo for a layout or an archive.
func (c *Client) previewLocal(ctx context.Context, dst Location, tags []string, img v1.Image, o pushOptions) (_ *PushPreview, err error) {
	from, err := newImageReader(ctx, img)
	if err == nil {
		err = from.refuseFuture(ctx, o)
	}
	if err != nil {
		return nil, fail("push to", dst, err)
	}
	p := c.newCopying(copyOptions{allowMoveBack: o.allowMoveBack, noOverwrite: o.noOverwrite}, dst, dst)
	p.src = from
	defer func() { err = errors.Join(err, p.closeHeld()) }()
	if err := c.checkTarget(ctx, dst); err != nil {
		return nil, fail("push to", dst, err)
	}
	if err := p.openHeld(ctx); err != nil {
		return nil, fail("open", dst, err)
	}
	p.keep(from.stored)
	preview := &PushPreview{Digest: from.stored.Descriptor.Digest}
	var roots []root
	for _, tag := range tags {
		roots = append(roots, root{digest: preview.Digest, tag: tag})
	}
	if err := p.checkRoom(ctx, roots); err != nil {
		return nil, err
	}
	if err := p.checkTags(ctx, roots); err != nil {
		return nil, err
	}
	for _, tag := range tags {
		preview.Tags = append(preview.Tags, p.previewTag(ctx, tag, preview.Digest))
	}
	m, err := manifest.Parse(from.stored.Raw, from.stored.Descriptor.MediaType)
	if err != nil {
		return nil, fail("push to", dst, err)
	}
	for _, d := range uniqueBlobs(m) {
		preview.Blobs = append(preview.Blobs, BlobPreview{d, !hasLocally(ctx, p.held, d)})
	}
	return preview, context.Cause(ctx)
}

// previewTag looks what a tag of a layout or an archive holds.
func (p *copying) previewTag(ctx context.Context, tag string, pushed v1.Hash) TagPreview {
	if p.held == nil {
		return TagPreview{Tag: tag, Change: TagMade}
	}
	held, err := p.held.Manifest(ctx, tag)
	switch {
	case isAbsent(err):
		return TagPreview{Tag: tag, Change: TagMade}
	case err != nil:
		return TagPreview{Tag: tag, Change: TagUnseen, Err: err}
	}
	preview := TagPreview{Tag: tag, Change: TagMoved, Held: held.Descriptor.Digest}
	if preview.Held == pushed {
		preview.Change = TagLeft
	}
	if m, err := manifest.Parse(held.Raw, held.Descriptor.MediaType); err == nil {
		if date, err := dateOf(ctx, m, openerOf(p.held, p.to)); err == nil {
			preview.HeldDate = date
		}
	}
	return preview
}

// uniqueBlobs returns the blobs of a manifest, each once.
func uniqueBlobs(m *v1.Manifest) []v1.Descriptor {
	seen := map[v1.Hash]bool{}
	var blobs []v1.Descriptor
	for _, d := range manifest.Blobs(m) {
		if !seen[d.Digest] {
			seen[d.Digest] = true
			blobs = append(blobs, d)
		}
	}
	return blobs
}

// hasLocally reports whether a place on this machine has a blob, in order.
func hasLocally(ctx context.Context, held store.Reader, d v1.Descriptor) bool {
	local, ok := held.(store.Local)
	if !ok {
		return false
	}
	f, size, err := local.OpenBlob(ctx, d.Digest)
	if err != nil {
		return false
	}
	return f.Close() == nil && size == d.Size
}
