package leioci

import (
	"context"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
)

// A Manifest is an image manifest as a registry sent it.
type Manifest struct {
	// Descriptor holds the manifest's media type, size in bytes and digest. Size and digest are
	// computed from Raw.
	Descriptor v1.Descriptor
	// Manifest is the decoded Raw. It has a config and at least one layer.
	Manifest *v1.Manifest
	// Raw is exactly what the registry sent, at most 4 MiB.
	Raw []byte
}

// PullManifest fetches the manifest that ref names and decodes it ([OCI image manifest], or
// Docker's schema 2).
//
// The errors: [ErrNotFound], [ErrUnauthorized], [ErrDenied]; [ErrUnsupportedManifest] for an index,
// a manifest without config or layers, one that another JSON reader could read as another manifest,
// and anything that is not a manifest; [ErrTooLarge] for a manifest of more than 4 MiB, 1,000
// layers or 50,000 JSON values; [ErrVerification] if ref is a digest and the response does not
// match it, or if ref is a tag and the registry says that the manifest has another digest than it
// has (Docker-Content-Digest).
//
// The manifest's own media type counts. The response's Content-Type counts only where the manifest
// has none, and if it says that the manifest is an index, which others may then read it as.
//
// [OCI image manifest]: https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md
func (c *Client) PullManifest(ctx context.Context, ref name.Reference) (*Manifest, error) {
	if err := c.checkReference(ctx, "pull manifest", ref); err != nil {
		return nil, err
	}
	m, _, _, err := trustedManifest(ctx, c.registry.Source(ref.Context()), ref, c.demands.verifiers, nil)
	return m, err
}

// pullManifest fetches a manifest from the first repository of src whose manifest passes accept,
// and also returns that repository. accept may be nil.
func pullManifest(ctx context.Context, src *registry.Source, ref name.Reference, accept func(*v1.Manifest) error) (*Manifest, name.Repository, error) {
	m, from, err := src.Manifest(ctx, ref, accept)
	if err == nil && len(m.Manifest.Layers) == 0 {
		err = fmt.Errorf("%w: no layers", ErrUnsupportedManifest)
	}
	if err != nil {
		return nil, from, fail("pull manifest", ref, err)
	}
	return (*Manifest)(m), from, nil
}
