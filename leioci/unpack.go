package leioci

import (
	"context"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/target"
	"github.com/lowendinsight/lei-go/leioci/internal/verify"
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
	res, err := unpack(ctx, img, dir, opts)
	if err != nil {
		return nil, fmt.Errorf("unpack into %s: %w", dir, err)
	}
	return res, nil
}

func unpack(ctx context.Context, img v1.Image, dir string, opts []PullOption) (*PullResult, error) {
	raw, err := img.RawManifest()
	if err != nil {
		return nil, err
	}
	mediaType, err := img.MediaType()
	if err != nil {
		return nil, err
	}
	m, err := manifest.Parse(raw, mediaType)
	if err != nil {
		return nil, err
	}
	o := pullOptions{AllowOlder: true} // an image is one snapshot, not a tag that may have moved back
	if err := o.apply(opts); err != nil {
		return nil, err
	}
	into := target.Open(dir, target.Policy(o), &target.Memory{}, defaultConcurrency, silent())
	res, err := into.Install(ctx, raw, m, fetchFrom(img))
	if err != nil {
		return nil, adviseDisk(dir, err)
	}
	return newPullResult(res), nil
}

// fetchFrom fetches the layers of an image, as they are stored. They can be opened from their beginning only, so of what
// an earlier pull left, a file is kept if it is whole.
func fetchFrom(img v1.Image) target.Fetch {
	open := layersOf(img)
	return func(ctx context.Context, d v1.Descriptor, into target.Partial) (int64, error) {
		if into.Size() == d.Size && d.Size > 0 && verify.All(ctx, into.Content(), d.Digest, d.Size) == nil {
			return 0, nil
		}
		if err := into.Reset(); err != nil {
			return 0, err
		}
		rc, err := open(ctx, d)
		if err != nil {
			return 0, err
		}
		defer rc.Close()
		v, err := verify.NewReader(verify.Until(ctx, rc), d.Digest, d.Size, defaultMaxBlobBytes)
		if err != nil {
			return 0, err
		}
		n, err := io.Copy(into, v)
		if errors.Is(err, ErrVerification) {
			err = errors.Join(err, into.Reset()) // it would only mislead the next pull
		}
		return n, err
	}
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
