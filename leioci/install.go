package leioci

import (
	"context"
	"errors"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
	"github.com/lowendinsight/lei-go/leioci/internal/target"
)

// mostSnapshots is how many snapshots from different sources are tried, for one that the policy
// accepts and whose content is to be had. The memory of a directory has room for so many.
const mostSnapshots = 16

// install fetches the snapshot that ref names and puts it in the directory's place.
//
// manifest.json may reveal what the annotations of a snapshot did not: if the policy then refuses
// the snapshot of one source, another source may have a newer one. If ref is a tag whose snapshot
// at one source is not to be had whole, at any, another source may have another.
func install(ctx context.Context, src *registry.Source, ref name.Reference, t trust, targetDir *target.Dir, dir string) (*PullResult, error) {
	_, byDigest := ref.(name.Digest)
	var lacking error  // of a snapshot that was not to be had,
	var lacked v1.Hash // and which one that was
	most := max(4, min(2*src.Places(), mostSnapshots))
	for n := 1; ; n++ {
		m, from, subject, err := trustedManifest(ctx, src, ref, t, targetDir.RefuseAnnotated) // another source may have a newer one
		if err != nil {
			if lacking != nil { // what there was before is more to the point
				err = lacking
			}
			return nil, err
		}
		if m.Descriptor.Digest == lacked { // as everywhere
			if src = src.Without(from); src == nil {
				return nil, lacking
			}
			continue
		}
		if err := t.settle(targetDir, subject); err != nil {
			return nil, fail("pull", ref, err)
		}
		res, err := installManifest(ctx, src.Prefer(from), ref, m, targetDir, dir)
		switch {
		case err == nil:
			res.Source, res.Signatures = from, subject.signatures()
			return res, nil
		case ctx.Err() != nil || !src.HasMirrors() || n == most:
			return nil, err
		case errors.Is(err, ErrOlder) || errors.Is(err, ErrStale) || errors.Is(err, ErrFuture) || errors.Is(err, ErrNotSnapshot):
			// targetDir remembers it, and refuses it at once
		case !byDigest && registry.Lacks(err):
			lacking, lacked, src = err, m.Descriptor.Digest, src.PassOver(from, err)
		default:
			return nil, err
		}
	}
}

// installManifest is install for the snapshot of a manifest.
func installManifest(ctx context.Context, src *registry.Source, ref name.Reference, m *Manifest, targetDir *target.Dir, dir string) (*PullResult, error) {
	pinned := ref.Context().Digest(m.Descriptor.Digest.String())
	result, err := installFrom(ctx, pinned, m.Raw, m.Manifest, targetDir, dir,
		func(ctx context.Context, d v1.Descriptor, part target.Partial) (int64, error) {
			return src.Download(ctx, d, part)
		})
	if err != nil {
		return nil, err
	}
	result.Ref = pinned
	return result, nil
}
