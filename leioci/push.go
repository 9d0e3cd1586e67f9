package leioci

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"
)

// Push uploads the blobs that the repository does not have, several at once, then puts the manifest, byte for byte
// and with its own media type, under the first tag, and after that under the others, which may go in parallel.
// Give the dated tag first, as [GenerateTags] does: a moving tag then never points at what has no dated one.
//
// Refused before the first request: tags that are none, invalid or given twice ([ErrInvalidReference]); a manifest that
// is not a JSON object with a config ([ErrUnsupportedManifest]) or has more than 4 MiB ([ErrTooLarge]); a blob whose data
// does not have its digest, or the size that the manifest says ([ErrVerification]). Refused before anything is uploaded:
// a manifest that names a blob which is neither given nor in the repository ([ErrNotFound]).
//
// A failure after that is a [*PushError], which says which tags were moved.
func (c *Client) Push(ctx context.Context, repo name.Repository, tags []string, manifest []byte, blobs []v1.Layer) (name.Digest, error) {
	p, err := newPushing(repo, tags, manifest, blobs)
	if err == nil {
		err = p.verifyBlobs(ctx)
	}
	if err != nil {
		return name.Digest{}, fmt.Errorf("push to %s: %w", repo, err)
	}
	return c.push(ctx, p, func(context.Context, *session) error { return nil })
}

// push pushes p in the client's session for that, if what is in the repository allows it.
func (c *Client) push(ctx context.Context, p *pushing, allow func(context.Context, *session) error) (name.Digest, error) {
	err := c.inSession(ctx, p.repo, transport.PushScope, func(ctx context.Context, s *session) error {
		if err := allow(ctx, s); err != nil {
			return err
		}
		return s.push(ctx, p)
	})
	var result *PushError
	switch {
	case errors.As(err, &result):
		return name.Digest{}, result
	case err != nil:
		return name.Digest{}, fail("push", p.ref, err)
	}
	return p.ref, nil
}

// pushing is an artifact on its way to a repository.
type pushing struct {
	repo     name.Repository
	tags     []string
	raw      []byte
	manifest *v1.Manifest
	ref      name.Digest
	blobs    map[v1.Hash]v1.Layer // what was given, by digest
}

// newPushing checks what can be checked without reading a blob.
func newPushing(repo name.Repository, tags []string, raw []byte, blobs []v1.Layer) (*pushing, error) {
	if err := checkTags(tags); err != nil {
		return nil, err
	}
	m, err := parseManifest(raw, types.OCIManifestSchema1)
	if err != nil {
		return nil, err
	}
	digest, _, err := v1.SHA256(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	p := &pushing{
		repo: repo, tags: tags, raw: raw, manifest: m,
		ref:   repo.Digest(digest.String()),
		blobs: make(map[v1.Hash]v1.Layer, len(blobs)),
	}
	for i, b := range blobs {
		digest, err := b.Digest()
		if err != nil {
			return nil, fmt.Errorf("blob %d: %w", i+1, err)
		}
		p.blobs[digest] = b
	}
	for _, d := range descriptors(m) {
		b, given := p.blobs[d.Digest]
		if !given {
			continue
		}
		size, err := b.Size()
		if err != nil {
			return nil, fmt.Errorf("blob %s: %w", d.Digest, err)
		}
		if size != d.Size {
			return nil, fmt.Errorf("%w: blob %s has %d bytes, the manifest says %d", ErrVerification, d.Digest, size, d.Size)
		}
	}
	return p, nil
}

// verifyBlobs reads every blob and compares it with its own digest and size.
func (p *pushing) verifyBlobs(ctx context.Context) error {
	for digest, b := range p.blobs {
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
	rc, err := l.Compressed()
	if err != nil {
		return err
	}
	defer rc.Close()
	return verifyAll(contextReader{ctx, rc}, digest, size)
}

// push does what Push says, from the first request on.
func (s *session) push(ctx context.Context, p *pushing) error {
	if err := s.requireBlobs(ctx, p); err != nil {
		return err
	}
	if err := s.uploadBlobs(ctx, p); err != nil {
		return pushResult(p, slices.Repeat([]error{err}, len(p.tags)))
	}
	return pushResult(p, s.putTags(ctx, p))
}

// requireBlobs looks for the blobs that the manifest names and nobody gave.
func (s *session) requireBlobs(ctx context.Context, p *pushing) error {
	for _, d := range descriptors(p.manifest) {
		if _, given := p.blobs[d.Digest]; given || !d.MediaType.IsDistributable() {
			continue
		}
		var there bool
		err := s.try(ctx, func(ctx context.Context) (err error) {
			there, err = s.hasBlob(ctx, d.Digest)
			return err
		})
		if err != nil {
			return fmt.Errorf("look for blob %s: %w", d.Digest, err)
		}
		if !there {
			return fmt.Errorf("%w: the manifest names blob %s, which was not given and is not in %s", ErrNotFound, d.Digest, p.repo)
		}
	}
	return nil
}

func (s *session) uploadBlobs(ctx context.Context, p *pushing) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(s.concurrency)
	for digest, b := range p.blobs {
		g.Go(func() error {
			if err := s.upload(ctx, b, digest); err != nil {
				return s.fail("upload blob", p.repo.Digest(digest.String()), err)
			}
			s.log.WithField("blob", digest.String()).Infof("blob is in %s", p.repo)
			return nil
		})
	}
	return g.Wait()
}
