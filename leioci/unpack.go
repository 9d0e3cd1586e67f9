package leioci

import (
	"context"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Unpack writes the snapshot in img to dir. The image may come from anywhere: [Package], a registry, an OCI layout.
//
// Digests and sizes are verified before anything appears in dir, and dir is replaced as a whole: it holds the old
// snapshot until it holds the new one. It must be absent, empty or an earlier snapshot, or the error is
// [ErrTargetNotEmpty]. The other errors: [ErrNotSnapshot], [ErrVerification], [ErrTooLarge].
//
// A snapshot is a manifest with exactly one layer of each LEI type ([MediaTypeManifest], [MediaTypeCache]), in any
// order. Other layers are ignored. The manifest itself is written beside them, as oci-manifest.json.
func Unpack(ctx context.Context, img v1.Image, dir string, opts ...PullOption) (*PullResult, error) {
	p, err := newUnpacking(img, dir, opts)
	if err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	res, err := p.into(ctx, dir)
	if err != nil {
		return nil, fmt.Errorf("unpack into %s: %w", dir, err)
	}
	return res, nil
}

func newUnpacking(img v1.Image, dir string, opts []PullOption) (*pulling, error) {
	raw, err := img.RawManifest()
	if err != nil {
		return nil, err
	}
	mediaType, err := img.MediaType()
	if err != nil {
		return nil, err
	}
	m, err := parseManifest(raw, mediaType)
	if err != nil {
		return nil, err
	}
	p := &pulling{
		raw: raw, manifest: m, open: fromOffset(layersOf(img)),
		maxBlob: defaultMaxBlobBytes, concurrency: defaultConcurrency, log: silent(),
		allowOlder: true, // an image is one snapshot, not a tag that may have moved back
		held:       readHeld(dir), known: &fingerprints{},
	}
	return p, p.apply(opts)
}

// layersOf opens the layers of an image, as they are stored.
func layersOf(img v1.Image) opener {
	return func(_ context.Context, d v1.Descriptor) (io.ReadCloser, error) {
		l, err := img.LayerByDigest(d.Digest)
		if err != nil {
			return nil, err
		}
		return l.Compressed()
	}
}

// fromOffset opens blobs from an offset on where they can only be opened from their beginning.
func fromOffset(open opener) contentOpener {
	return func(ctx context.Context, d v1.Descriptor, offset int64) (*content, error) {
		c := &content{}
		rc, err := open(ctx, d)
		if err != nil {
			return c, err
		}
		if _, err := io.CopyN(io.Discard, rc, offset); err != nil {
			_ = rc.Close() // nothing was wanted of it
			return c, err
		}
		c.ReadCloser = rc
		return c, nil
	}
}
