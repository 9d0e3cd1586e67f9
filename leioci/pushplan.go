package leioci

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/progress"
	"github.com/lowendinsight/lei-go/leioci/internal/registry"
)

// A pushPlan is a validated artifact and its destination. Its digests may be known later than the
// rest: see [newPackagedPlan].
type pushPlan struct {
	repo     name.Repository
	tags     []string
	blobs    []blobToPush // the caller's, in the order in which they are sent
	manifest *deferred[*manifestToPush]
	// noOverwrite: a tag that holds another manifest keeps it.
	noOverwrite bool
	progress    *progress.Tracker // to be ended; nil if nobody is told
}

type manifestToPush struct {
	*v1.Manifest
	raw    []byte
	digest v1.Hash // of raw
	ref    name.Digest
}

// what names what is pushed, as far as that is known.
func (p *pushPlan) what() fmt.Stringer {
	if m, known := p.manifest.known(); known {
		return m.ref
	}
	return p.repo
}

// mayBe reports whether the manifest of the push, whose digests are not known, may be m.
func (p *pushPlan) mayBe(m *v1.Manifest) bool {
	for _, b := range p.blobs {
		has := func(d v1.Descriptor) bool { return d.Size == b.size }
		if !slices.ContainsFunc(manifest.Blobs(m), has) {
			return false
		}
	}
	return true
}

// largestFirst sorts blobs: what takes longest begins first.
func largestFirst(blobs []blobToPush) []blobToPush {
	slices.SortFunc(blobs, func(a, b blobToPush) int {
		return cmp.Or(cmp.Compare(b.size, a.size), cmp.Compare(a.name, b.name))
	})
	return blobs
}

// newPushPlan validates everything that does not require reading a blob.
func newPushPlan(repo name.Repository, tags []string, raw []byte, blobs []v1.Layer) (*pushPlan, error) {
	if err := checkTags(tags); err != nil {
		return nil, err
	}
	m, err := newManifestToPush(repo, raw)
	if err != nil {
		return nil, err
	}
	given := make(map[v1.Hash]blobToPush, len(blobs))
	p := &pushPlan{repo: repo, tags: tags, manifest: notDeferred(m)}
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
		given[digest] = blobToPush{Layer: b, name: digest.String(), size: size, digest: notDeferred(digest)}
	}
	for _, d := range manifest.Blobs(m.Manifest) {
		if b, ok := given[d.Digest]; ok && b.size != d.Size {
			return nil, fmt.Errorf("%w: blob %s has %d bytes, but %d in the manifest",
				ErrVerification, d.Digest, b.size, d.Size)
		}
	}
	for _, b := range given {
		p.blobs = append(p.blobs, b)
	}
	p.blobs = largestFirst(p.blobs)
	return p, nil
}

func newManifestToPush(repo name.Repository, raw []byte) (*manifestToPush, error) {
	m, err := manifest.Parse(raw, types.OCIManifestSchema1)
	if err != nil {
		return nil, err
	}
	digest, _, err := v1.SHA256(bytes.NewReader(raw))
	return &manifestToPush{m, raw, digest, repo.Digest(digest.String())}, err
}
