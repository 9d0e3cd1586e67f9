package leioci

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/registry"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
	"github.com/lowendinsight/lei-go/leioci/internal/target"
	"github.com/lowendinsight/lei-go/leioci/internal/verify"
)

// Unpack writes the snapshot in img to dir. The image may come from anywhere: [Package], a
// registry, an OCI layout. Content that is being read when ctx ends is closed.
//
// Digests and sizes are verified before anything appears in dir, and dir is replaced as a whole: it
// keeps the old snapshot until it has the new one. It must be absent, empty or an earlier snapshot;
// otherwise the error is [ErrTargetNotEmpty]. The other errors: [ErrNotSnapshot],
// [ErrVerification], [ErrTooLarge], [ErrStale], [ErrFuture].
//
// A snapshot is a manifest with exactly one layer of each LEI type ([MediaTypeManifest],
// [MediaTypeCache]), in any order. Other layers are ignored. The manifest itself is written beside
// the layers' files, as oci-manifest.json, and the config, which nobody needs but [NewHandler], as
// config.json. An image whose config cannot be read, or is larger than 4 MiB, is unpacked without.
//
// Of the options, [VerifyReports], [IndexReports], [MaxAge], [AllowFuture] and [Progress] apply. An
// image is one snapshot, not a tag that may have moved back, so Unpack replaces a newer snapshot,
// too, and returns an error for [AllowOlder]. Nothing is logged: whether there is an index,
// [snapshot.Snapshot.Indexed] says.
func Unpack(ctx context.Context, img v1.Image, dir string, opts ...PullOption) (*PullResult, error) {
	res, err := unpack(ctx, img, dir, opts)
	if err != nil {
		return nil, fmt.Errorf("unpack into %s: %w", dir, err)
	}
	return res, nil
}

func unpack(ctx context.Context, img v1.Image, dir string, opts []PullOption) (*PullResult, error) {
	if registry.IsNil(ctx) {
		return nil, errNilContext
	}
	if registry.IsNil(img) {
		return nil, errNilImage
	}
	o := pullOptions{Policy: target.Policy{AllowOlder: true}, call: "Unpack"}
	if err := o.apply(opts); err != nil {
		return nil, err
	}
	defer o.Progress.End()
	if err := hashed(ctx, img); err != nil {
		return nil, err
	}
	under := imageUnder(ctx, img)
	raw, err := under.RawManifest()
	if err != nil {
		return nil, err
	}
	mediaType, err := under.MediaType()
	if err != nil {
		return nil, err
	}
	m, err := manifest.Parse(raw, mediaType)
	if err != nil {
		return nil, err
	}
	digest, _, err := v1.SHA256(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	at, ok := img.(*locatedImage)
	if !ok {
		at = &locatedImage{} // of an image alone, there is nothing else to read
	}
	trust := o.demands.verifiers
	o.MaxAge = o.demands.maxAge(placeOf(at.location), o.MaxAge)
	targetDir := target.Open(dir, o.Policy, &target.Memory{}, defaultConcurrency, silent())
	subject, err := trust.admit(targetDir, raw, func(raw []byte) (*Subject, error) {
		return trust.verifyFrom(ctx, at.from, at.location, raw)
	})
	if err != nil {
		return nil, err
	}
	res, err := targetDir.Install(ctx, raw, m, fetchFrom(img))
	if err != nil {
		return nil, adviseDisk(dir, err)
	}
	result := newPullResult(res, digest)
	result.Signatures = subject.signatures()
	return result, nil
}

// fetchFrom fetches the layers of an image, as they are stored. A layer can be read only from its
// beginning, so a partial file from an earlier pull is reused only if it is complete.
func fetchFrom(img v1.Image) target.Fetch {
	open := layersOf(img)
	return func(ctx context.Context, d v1.Descriptor, part target.Partial) (int64, error) {
		return download(ctx, open, d, part)
	}
}

// download fills a partial file with what open opens.
func download(ctx context.Context, open opener, d v1.Descriptor, part store.Partial) (int64, error) {
	if part.Size() == d.Size && d.Size > 0 && verify.All(ctx, part.Content(), d.Digest, d.Size) == nil {
		return 0, nil
	}
	rc, err := open(ctx, d)
	if err != nil {
		return 0, err // and what is there can still be continued from a registry
	}
	defer rc.Close()
	if err := part.Reset(); err != nil {
		return 0, err
	}
	v, err := verify.NewReader(verify.Until(ctx, rc), d.Digest, d.Size, defaultMaxBlobBytes)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(part, v)
	if errors.Is(err, ErrVerification) {
		err = errors.Join(err, part.Reset()) // the next pull must not resume from it
	}
	return n, err
}

// layersOf returns an [opener] for the layers of an image, as they are stored.
func layersOf(img v1.Image) opener {
	return func(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
		l, err := imageUnder(ctx, img).LayerByDigest(d.Digest)
		if err == nil && registry.IsNil(l) {
			err = fmt.Errorf("layer %s: nil", d.Digest)
		}
		if err != nil {
			return nil, err
		}
		return contentOf(l)
	}
}

// contentOf opens the content of a layer.
func contentOf(l v1.Layer) (io.ReadCloser, error) {
	rc, err := l.Compressed()
	if err == nil && registry.IsNil(rc) {
		err = errors.New("the layer has neither content nor an error")
	}
	return rc, err
}
