package leioci

import (
	"context"
	"fmt"
	"io"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

// opener opens the blob that a descriptor names.
type opener func(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error)

// image is a [partial.CompressedImageCore] over a manifest and a function that opens its blobs. The
// interfaces of package v1 have no contexts, so the image keeps the one it was made with.
type image struct {
	ctx      context.Context
	raw      []byte
	manifest *v1.Manifest
	open     opener
}

func newImage(ctx context.Context, raw []byte, m *v1.Manifest, open opener) (v1.Image, error) {
	return partial.CompressedToImage(&image{ctx: ctx, raw: raw, manifest: m, open: open})
}

// Image returns the image that ref names, for use with go-containerregistry. Its config and layers
// are fetched on demand, under ctx, and verified as by [Client.PullBlob]. The errors are those of
// [Client.PullManifest].
func (c *Client) Image(ctx context.Context, ref name.Reference) (v1.Image, error) {
	if err := c.checkReference(ctx, "pull manifest", ref); err != nil {
		return nil, err
	}
	src := c.registry.Source(ref.Context())
	m, from, _, err := trustedManifest(ctx, src, ref, c.demands.verifiers, nil)
	if err != nil {
		return nil, err
	}
	img, err := newImage(ctx, m.Raw, m.Manifest, blobOpener(src.Prefer(from)))
	return &locatedImage{img, RegistryLocation(ref), src.Prefer(from).Reader()}, err
}

// A locatedImage is an image that was read from a place, where what is attached to it can be read,
// too.
type locatedImage struct {
	v1.Image
	location Location
	from     store.Reader
}

func (i *image) RawManifest() ([]byte, error) { return i.raw, nil }

func (i *image) MediaType() (types.MediaType, error) { return i.manifest.MediaType, nil }

// RawConfigFile reads the config into memory. Its size has the same limit as a manifest.
func (i *image) RawConfigFile() ([]byte, error) {
	if size := i.manifest.Config.Size; size > manifest.MaxBytes {
		return nil, fmt.Errorf("%w: config of %d bytes, limit %d", ErrTooLarge, size, manifest.MaxBytes)
	}
	rc, err := i.open(i.ctx, i.manifest.Config)
	if err != nil {
		return nil, err
	}
	defer rc.Close()
	return io.ReadAll(io.LimitReader(rc, manifest.MaxBytes))
}

func (i *image) LayerByDigest(digest v1.Hash) (partial.CompressedLayer, error) {
	for _, d := range manifest.Blobs(i.manifest) {
		if d.Digest == digest {
			return &layer{image: i, descriptor: d}, nil
		}
	}
	return nil, fmt.Errorf("%w: no blob %s in the manifest", ErrNotFound, digest)
}

// layer is a blob of an image. Its Descriptor method lets go-containerregistry keep its
// annotations.
type layer struct {
	image      *image
	descriptor v1.Descriptor
}

func (l *layer) Digest() (v1.Hash, error)            { return l.descriptor.Digest, nil }
func (l *layer) Size() (int64, error)                { return l.descriptor.Size, nil }
func (l *layer) MediaType() (types.MediaType, error) { return l.descriptor.MediaType, nil }
func (l *layer) Descriptor() (*v1.Descriptor, error) { return l.descriptor.DeepCopy(), nil }
func (l *layer) Compressed() (io.ReadCloser, error)  { return l.image.open(l.image.ctx, l.descriptor) }
