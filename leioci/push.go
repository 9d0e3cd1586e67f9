package leioci

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/registry"
	"github.com/lowendinsight/lei-go/leioci/internal/verify"
)

// Push uploads blobs, a manifest and its tags. It first uploads the blobs that the repository does
// not have, several at a time and the largest first. Then it puts the manifest, byte for byte and
// with its own media type, under the first tag, and finally under the other tags, possibly in
// parallel. Pass the dated tag first, as [GenerateTags] does: then a moving tag never points to a
// manifest without a dated tag.
//
// Push begins with a look at the first tag. If that holds this manifest already, there is nothing
// to do for it. The blobs of whatever manifest it holds are taken to be in the repository, unless
// the registry refuses the manifest for lack of one. If the look fails, for whatever reason, Push
// asks for each blob: in the request that opens its upload, if the registry mounts blobs (OCI
// distribution specification, "Mounting a blob from another repository"). One that does not is
// asked for blobs of 8 MiB or more, and sent smaller ones again.
//
// If the look takes more than a moment, uploads are opened meanwhile. Those that turn out not to be
// needed are ended, if the registry allows that; no content is sent before it is known to be needed.
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
// A tag that holds the manifest already counts as moved, even if the registry would refuse to put it
// again: where tags are immutable, a push that failed half-way can be repeated. A registry that
// stores the manifest under another digest is [ErrVerification].
func (c *Client) Push(ctx context.Context, repo name.Repository, tags []string, manifest []byte, blobs []v1.Layer) (name.Digest, error) {
	if err := c.checkDestination(ctx, "push", repo); err != nil {
		return name.Digest{}, err
	}
	blobs = layersUnder(ctx, blobs)
	p, err := newPushPlan(repo, tags, manifest, blobs)
	if err == nil {
		err = verifyBlobs(ctx, blobs)
	}
	if err != nil {
		return name.Digest{}, fmt.Errorf("push to %s: %w", repo, err)
	}
	to := c.registry.Destination(p.repo)
	return c.push(ctx, p, to, func(ctx context.Context, known *known) error {
		if err := c.lookAt(ctx, p, p.tags[0], to, known); err != nil {
			return err
		}
		return requireBlobs(ctx, p, to, known, c.concurrency)
	})
}

// push carries out a plan. It sends nothing before permit has returned without an error. What
// permit learns on its way need not be sent.
func (c *Client) push(ctx context.Context, p *pushPlan, to *registry.Destination, permit func(context.Context, *known) error) (name.Digest, error) {
	known := newKnown(ctx, p, permit)
	err := c.uploadBlobs(ctx, p, to, known)
	<-known.done
	if known.refusal != nil {
		return name.Digest{}, fail("push", p.what(), known.refusal)
	}
	var m *manifestToPush
	if err == nil {
		m, err = p.manifest.get(ctx)
	}
	if err != nil {
		return name.Digest{}, p.result(slices.Repeat([]error{err}, len(p.tags)))
	}
	if err := c.refuseOverwriteAgain(ctx, p, to, known); err != nil {
		return name.Digest{}, err
	}
	if err := p.result(c.putTags(ctx, p, m, to, known)); err != nil {
		return name.Digest{}, err
	}
	return m.ref, nil
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
func requireBlobs(ctx context.Context, p *pushPlan, to *registry.Destination, known *known, concurrency int) error {
	m, err := p.manifest.get(ctx)
	if err != nil {
		return err
	}
	given := map[v1.Hash]bool{}
	for _, b := range p.blobs {
		digest, _ := b.digest.known()
		given[digest] = true
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(concurrency)
	for _, d := range manifest.Blobs(m.Manifest) {
		if given[d.Digest] || known.has(d.Digest, d.Size) || !d.MediaType.IsDistributable() {
			continue
		}
		g.Go(func() error {
			exists, err := to.HasBlob(ctx, d.Digest, d.Size)
			if err != nil {
				return fmt.Errorf("check for blob %s: %w", d.Digest, err)
			}
			if !exists {
				return fmt.Errorf("%w: the manifest names blob %s, which is neither in the push nor in %s",
					ErrNotFound, d.Digest, p.repo)
			}
			return nil
		})
	}
	return g.Wait()
}

// errFirstTag is the error of the other tags when the first one failed.
var errFirstTag = errors.New("not attempted, as the first tag failed")

// putTags puts the manifest under the first tag and then under the others. It returns an error or
// nil for each tag. A failure among the others does not stop the rest: the remaining tags are still
// valid. A tag that was seen to hold the manifest is not put.
func (c *Client) putTags(ctx context.Context, p *pushPlan, m *manifestToPush, to *registry.Destination, known *known) []error {
	errs := make([]error, len(p.tags))
	manifest := registry.Put{
		Raw: m.raw, MediaType: m.MediaType, Digest: m.digest, HasSubject: m.Subject != nil,
		Restore: func(ctx context.Context) (bool, error) { return c.restoreBlobs(ctx, p, to) },
	}
	put := func(i int) {
		tag := p.repo.Tag(p.tags[i])
		if known.tags[p.tags[i]] {
			c.log.WithField("digest", m.ref.DigestStr()).Infof("%s holds the manifest already", tag)
			return
		}
		if errs[i] = context.Cause(ctx); errs[i] != nil {
			return
		}
		if err := to.PutManifest(ctx, p.tags[i], manifest); err != nil {
			errs[i] = fail("put manifest", tag, err)
			return
		}
		if c.registry.Hears(logrus.InfoLevel) {
			c.log.WithField("digest", m.ref.DigestStr()).Infof("tagged %s", tag)
		}
	}
	put(0)
	var g errgroup.Group
	g.SetLimit(c.concurrency)
	for i := 1; i < len(p.tags); i++ {
		if errs[0] != nil && !known.tags[p.tags[i]] {
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
	result := &PushError{Digest: p.repo.Digest("")}
	if m, known := p.manifest.known(); known {
		result.Digest = m.ref
	}
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
