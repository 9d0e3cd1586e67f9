package leioci

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"golang.org/x/sync/errgroup"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/registry"
)

// A PushPreview says what a push would do.
type PushPreview struct {
	// Digest is that of the manifest that would be pushed.
	Digest v1.Hash
	// Ref is the digest reference that it would have. It is zero for a layout or an archive.
	Ref name.Digest
	// Tags are those of the push, in the order given.
	Tags []TagPreview
	// Blobs are those of the push, each once, in the order of the manifest: the config first.
	Blobs []BlobPreview
}

// A TagChange is what a push would do to a tag.
type TagChange string

// The changes.
const (
	TagMade  TagChange = "make"  // the repository has no such tag
	TagMoved TagChange = "move"  // the tag holds another manifest
	TagLeft  TagChange = "leave" // the tag holds this manifest already
	// TagUnseen: what the tag holds cannot be seen, and the push would go on all the same.
	TagUnseen TagChange = "unseen"
)

// A TagPreview says what a push would do to a tag.
type TagPreview struct {
	Tag    string
	Change TagChange
	// Held is the digest of the manifest that the tag holds now. It is zero for TagMade and
	// TagUnseen.
	Held v1.Hash
	// HeldDate is the date of the snapshot that the tag holds now, at midnight UTC. It is zero if the
	// manifest is not that of a snapshot, or if its date cannot be read.
	HeldDate time.Time
	// Err is why the tag cannot be seen, for TagUnseen.
	Err error
}

// A BlobPreview says whether a push would send a blob.
type BlobPreview struct {
	// Descriptor is the blob's, as the manifest has it.
	Descriptor v1.Descriptor
	// Sent: the repository does not have the blob, or the registry does not say whether it has.
	Sent bool
}

// PreviewPush says what [Client.PushSnapshot] would do with the same arguments, and writes nothing
// to the registry. It reads all files of the snapshot, looks at all tags, and asks for each blob.
//
// Its errors are those of that push, as far as reading can tell: [ErrOlder], [ErrTagExists],
// [ErrFuture], and what else would end the push before it uploads anything. It asks with the
// credentials, and for the token, of the push, so credentials that the registry does not accept are
// an error. Whether they permit writing is seen only by writing: a token server that grants less
// than it is asked for, as many do, lets a preview succeed where the push is [ErrDenied].
//
// What the registry has may change until the push. A small blob that the repository has may be sent
// again all the same, if the registry does not mount blobs (see [Client.Push]).
func (c *Client) PreviewPush(ctx context.Context, repo name.Repository, tags []string, img v1.Image, opts ...PushOption) (*PushPreview, error) {
	p, permit, err := c.planSnapshot(ctx, repo, tags, img, opts)
	if err != nil {
		return nil, err
	}
	defer p.progress.End()
	to := c.registry.Destination(p.repo)
	known := newKnown(ctx, p, permit)
	<-known.done
	if known.refusal != nil {
		return nil, fail("push", p.what(), known.refusal)
	}
	m, err := p.manifest.get(ctx)
	if err != nil {
		return nil, fail("push", p.what(), err)
	}
	preview := &PushPreview{Digest: m.digest, Ref: m.ref, Tags: make([]TagPreview, len(p.tags))}
	if preview.Blobs, err = p.blobPreviews(ctx, m.Manifest); err != nil {
		return nil, fail("push", p.what(), err)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(c.concurrency)
	for i, tag := range p.tags {
		g.Go(func() (err error) {
			preview.Tags[i], err = previewTag(ctx, tag, m, to)
			return err
		})
	}
	for i := range preview.Blobs {
		g.Go(func() error { return preview.Blobs[i].look(ctx, p, to) })
	}
	if err := g.Wait(); err != nil {
		return nil, fail("push", p.what(), err)
	}
	return preview, nil
}

// blobPreviews returns the blobs of the push in the order of its manifest.
func (p *pushPlan) blobPreviews(ctx context.Context, m *v1.Manifest) ([]BlobPreview, error) {
	given := map[v1.Hash]bool{}
	for _, b := range p.blobs {
		digest, err := b.digest.get(ctx)
		if err != nil {
			return nil, err
		}
		given[digest] = true
	}
	var blobs []BlobPreview
	for _, d := range manifest.Blobs(m) {
		if given[d.Digest] {
			blobs = append(blobs, BlobPreview{Descriptor: d})
			delete(given, d.Digest)
		}
	}
	return blobs, nil
}

// previewTag looks what a tag holds. What the push needs to see was seen before.
func previewTag(ctx context.Context, tag string, pushed *manifestToPush, to *registry.Destination) (TagPreview, error) {
	held, err := to.Look(ctx, tag, func() {})
	if _, absent := errdef.NoteOf[registry.Absent](err); absent {
		return TagPreview{Tag: tag, Change: TagMade}, nil
	}
	if other, ok := errdef.NoteOf[registry.NotImage](err); ok {
		return TagPreview{Tag: tag, Change: TagMoved, Held: other.Digest}, nil
	}
	if ctx.Err() != nil || registry.InHandshake(err) {
		return TagPreview{}, fmt.Errorf("check tag %s: %w", tag, err)
	}
	if err != nil {
		return TagPreview{Tag: tag, Change: TagUnseen, Err: explain(err)}, nil
	}
	p := TagPreview{Tag: tag, Change: TagMoved, Held: held.Descriptor.Digest}
	if p.Held == pushed.digest {
		p.Change = TagLeft
	}
	date, err := dateOf(ctx, held.Manifest, blobOpener(to.Source()))
	if err == nil {
		p.HeldDate = date
	}
	return p, context.Cause(ctx)
}

// look finds out whether a blob would be sent.
func (b *BlobPreview) look(ctx context.Context, p *pushPlan, to *registry.Destination) error {
	there, err := to.HasBlob(ctx, b.Descriptor.Digest, b.Descriptor.Size)
	var response *transport.Error
	if ctx.Err() == nil && errors.As(err, &response) && response.StatusCode != http.StatusUnauthorized && !registry.InHandshake(err) {
		err = nil // the push would try; but where credentials are not accepted, it would not come further
	}
	if err != nil {
		return fmt.Errorf("check for blob %s: %w", p.repo.Digest(b.Descriptor.Digest.String()), err)
	}
	b.Sent = !there
	return nil
}
