package leioci

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/registry"
)

// A pushPlan is a validated artifact and its destination.
type pushPlan struct {
	repo     name.Repository
	tags     []string
	raw      []byte
	manifest *v1.Manifest
	digest   v1.Hash // of raw
	ref      name.Digest
	blobs    map[v1.Hash]blobToPush // the caller's, by digest
}

type blobToPush struct {
	v1.Layer
	digest v1.Hash
	size   int64
}

// largestFirst returns the caller's blobs in the order in which they are sent: what takes longest
// begins first.
func (p *pushPlan) largestFirst() []blobToPush {
	return slices.SortedFunc(maps.Values(p.blobs), func(a, b blobToPush) int {
		return cmp.Or(cmp.Compare(b.size, a.size), cmp.Compare(a.digest.Hex, b.digest.Hex))
	})
}

// sizeOf returns the size of a blob according to the manifest or the caller, or else -1.
func (p *pushPlan) sizeOf(digest v1.Hash) int64 {
	if b, given := p.blobs[digest]; given {
		return b.size
	}
	for _, d := range manifest.Blobs(p.manifest) {
		if d.Digest == digest {
			return d.Size
		}
	}
	return -1
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
		blobs: make(map[v1.Hash]blobToPush, len(blobs)),
	}
	for i, b := range blobs {
		if registry.IsNil(b) {
			return nil, fmt.Errorf("blob %d: nil", i+1)
		}
		digest, err := b.Digest()
		if err != nil {
			return nil, fmt.Errorf("blob %d: %w", i+1, err)
		}
		size, err := b.Size()
		if err != nil {
			return nil, fmt.Errorf("blob %s: %w", digest, err)
		}
		p.blobs[digest] = blobToPush{b, digest, size}
	}
	for _, d := range manifest.Blobs(m) {
		if b, given := p.blobs[d.Digest]; given && b.size != d.Size {
			return nil, fmt.Errorf("%w: blob %s has %d bytes, but %d in the manifest",
				ErrVerification, d.Digest, b.size, d.Size)
		}
	}
	return p, nil
}
