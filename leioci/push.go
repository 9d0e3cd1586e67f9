package leioci

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/registry"
	"github.com/lowendinsight/lei-go/leioci/internal/verify"
)

// Push uploads blobs, a manifest and its tags. It first uploads the blobs that the repository does
// not have, several at a time. Then it puts the manifest, byte for byte and with its own media
// type, under the first tag, and finally under the other tags, possibly in parallel. Pass the dated
// tag first, as [GenerateTags] does: then a moving tag never points to a manifest without a dated
// tag.
//
// Before the first request, Push refuses:
//
//   - an empty list of tags, and invalid or duplicate tags ([ErrInvalidReference])
//   - a manifest that is not a JSON object with a config ([ErrUnsupportedManifest]) or is larger
//     than 4 MiB ([ErrTooLarge])
//   - a blob whose data does not match its digest or its size in the manifest ([ErrVerification])
//
// Before uploading anything, it refuses a manifest with a blob that is neither in blobs nor in the
// repository ([ErrNotFound]). A failure after that is a [*PushError], which says which tags were
// moved.
//
// A tag that holds the manifest already counts as moved, even if the registry refuses to put it
// again: where tags are immutable, a push that failed half-way can be repeated. A registry that
// stores the manifest under another digest is [ErrVerification].
func (c *Client) Push(ctx context.Context, repo name.Repository, tags []string, manifest []byte, blobs []v1.Layer) (name.Digest, error) {
	if err := c.checkDestination(ctx, "push", repo); err != nil {
		return name.Digest{}, err
	}
	p, err := newPushPlan(repo, tags, manifest, blobs)
	if err == nil {
		err = verifyBlobs(ctx, blobs)
	}
	if err != nil {
		return name.Digest{}, fmt.Errorf("push to %s: %w", repo, err)
	}
	to, err := c.connect(ctx, p)
	if err != nil {
		return name.Digest{}, err
	}
	return c.push(ctx, p, to)
}

// connect authenticates for a push. If it fails, the registry is unchanged.
func (c *Client) connect(ctx context.Context, p *pushPlan) (*registry.Destination, error) {
	to := c.registry.Destination(p.repo)
	if err := to.Connect(ctx); err != nil {
		return nil, fail("push", p.ref, err)
	}
	return to, nil
}

func (c *Client) push(ctx context.Context, p *pushPlan, to *registry.Destination) (name.Digest, error) {
	if err := requireBlobs(ctx, p, to); err != nil {
		return name.Digest{}, fail("push", p.ref, err)
	}
	if _, err := c.uploadBlobs(ctx, p, to); err != nil {
		return name.Digest{}, p.result(slices.Repeat([]error{err}, len(p.tags)))
	}
	if err := p.result(c.putTags(ctx, p, to)); err != nil {
		return name.Digest{}, err
	}
	return p.ref, nil
}

// A pushPlan is a validated artifact and its destination.
type pushPlan struct {
	repo     name.Repository
	tags     []string
	raw      []byte
	manifest *v1.Manifest
	digest   v1.Hash // of raw
	ref      name.Digest
	blobs    map[v1.Hash]v1.Layer // the caller's blobs, by digest
}

// newPushPlan validates everything that does not require reading a blob.
func newPushPlan(repo name.Repository, tags []string, raw []byte, blobs []v1.Layer) (*pushPlan, error) {
	if err := checkTags(tags); err != nil {
		return nil, err
	}
	m, err := manifest.Parse(raw, types.OCIManifestSchema1)
	if err != nil {
		return nil, err
	}
	digest, _, err := v1.SHA256(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	p := &pushPlan{
		repo: repo, tags: tags, raw: raw, manifest: m,
		digest: digest, ref: repo.Digest(digest.String()),
		blobs: make(map[v1.Hash]v1.Layer, len(blobs)),
	}
	for i, b := range blobs {
		if registry.IsNil(b) {
			return nil, fmt.Errorf("blob %d: nil", i+1)
		}
		digest, err := b.Digest()
		if err != nil {
			return nil, fmt.Errorf("blob %d: %w", i+1, err)
		}
		p.blobs[digest] = b
	}
	for _, d := range manifest.Blobs(m) {
		b, given := p.blobs[d.Digest]
		if !given {
			continue
		}
		size, err := b.Size()
		if err != nil {
			return nil, fmt.Errorf("blob %s: %w", d.Digest, err)
		}
		if size != d.Size {
			return nil, fmt.Errorf("%w: blob %s has %d bytes, but %d in the manifest",
				ErrVerification, d.Digest, size, d.Size)
		}
	}
	return p, nil
}

// verifyBlobs reads every blob, one that is given twice as well, and compares it with its own
// digest and size. Those of [NewBlob] are verified.
func verifyBlobs(ctx context.Context, blobs []v1.Layer) error {
	for i, b := range blobs {
		if _, verified := b.(*newBlob); verified {
			continue
		}
		digest, err := b.Digest()
		if err != nil {
			return fmt.Errorf("blob %d: %w", i+1, err)
		}
		if err := verifyLayer(ctx, b, digest); err != nil {
			return fmt.Errorf("blob %s: %w", digest, err)
		}
	}
	return nil
}

func verifyLayer(ctx context.Context, l v1.Layer, digest v1.Hash) error {
	size, err := l.Size()
	if err != nil {
		return err
	}
	rc, err := contentOf(l)
	if err != nil {
		return err
	}
	defer rc.Close()
	return verify.All(ctx, rc, digest, size)
}

// requireBlobs fails if the manifest names a blob that neither the caller nor the repository has.
func requireBlobs(ctx context.Context, p *pushPlan, to *registry.Destination) error {
	for _, d := range manifest.Blobs(p.manifest) {
		if _, given := p.blobs[d.Digest]; given || !d.MediaType.IsDistributable() {
			continue
		}
		exists, err := to.HasBlob(ctx, d.Digest, d.Size)
		if err != nil {
			return fmt.Errorf("check for blob %s: %w", d.Digest, err)
		}
		if !exists {
			return fmt.Errorf("%w: the manifest names blob %s, which is neither in the push nor in %s",
				ErrNotFound, d.Digest, p.repo)
		}
	}
	return nil
}

// uploadBlobs uploads the blobs that the repository does not have, and reports whether there were
// any.
func (c *Client) uploadBlobs(ctx context.Context, p *pushPlan, to *registry.Destination) (uploaded bool, err error) {
	var sent atomic.Bool
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(c.concurrency)
	for digest, b := range p.blobs {
		g.Go(func() error {
			missing, err := to.Upload(ctx, b, digest)
			if err != nil {
				return fail("upload blob", p.repo.Digest(digest.String()), err)
			}
			if missing {
				sent.Store(true)
			}
			c.log.WithField("blob", digest.String()).Infof("pushed blob to %s", p.repo)
			return nil
		})
	}
	err = g.Wait()
	return sent.Load(), err
}

// errFirstTag is the error of the other tags when the first one failed.
var errFirstTag = errors.New("not attempted because the first tag failed")

// putTags puts the manifest under the first tag and then under the others. It returns an error or
// nil for each tag. A failure among the others does not stop the rest: the remaining tags are still
// valid.
func (c *Client) putTags(ctx context.Context, p *pushPlan, to *registry.Destination) []error {
	errs := make([]error, len(p.tags))
	manifest := registry.Put{
		Raw: p.raw, MediaType: p.manifest.MediaType, Digest: p.digest, HasSubject: p.manifest.Subject != nil,
		Restore: func(ctx context.Context) (bool, error) { return c.uploadBlobs(ctx, p, to) },
	}
	put := func(i int) {
		if errs[i] = context.Cause(ctx); errs[i] != nil {
			return
		}
		tag := p.repo.Tag(p.tags[i])
		if err := to.PutManifest(ctx, p.tags[i], manifest); err != nil {
			errs[i] = fail("put manifest", tag, err)
			return
		}
		c.log.WithField("digest", p.ref.DigestStr()).Infof("tagged %s", tag)
	}
	put(0)
	var g errgroup.Group
	g.SetLimit(c.concurrency)
	for i := 1; i < len(p.tags); i++ {
		if errs[0] != nil {
			errs[i] = errFirstTag
			continue
		}
		g.Go(func() error { put(i); return nil })
	}
	_ = g.Wait() // every error is in errs
	return errs
}

// result combines the tags' errors into a *PushError, or returns nil if there are none.
func (p *pushPlan) result(errs []error) error {
	result := &PushError{Digest: p.ref}
	for i, tag := range p.tags {
		if errs[i] == nil {
			result.Pushed = append(result.Pushed, tag)
			continue
		}
		_, unknown := errdef.NoteOf[registry.Unanswered](errs[i])
		result.Failed = append(result.Failed, TagError{Tag: tag, Unknown: unknown, Err: errs[i]})
	}
	if len(result.Failed) == 0 {
		return nil
	}
	return result
}
