package leioci

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/signature"
)

// maxSignatures is how many signatures of an artifact are read in each format, and how many of the
// manifests that refer to it are looked into for them.
const maxSignatures = 100

// foundSignature is what was found in a place for signatures: one, or why it is none.
type foundSignature struct {
	signature.Signature
	format string
	err    error
}

// stranger describes a signature by a key that is not trusted.
func (f foundSignature) stranger() string {
	if sum, err := base64.StdEncoding.DecodeString(f.Hint); err == nil && len(sum) == 32 {
		return fmt.Sprintf("%s that names the key %s", f.format, shortID(hex.EncodeToString(sum)))
	}
	return fmt.Sprintf("%s by another key", f.format)
}

// signaturesOf reads what may be signatures of an artifact, one after the other, so that none is
// fetched that is not needed. That a list cannot be read is yielded as an error, too: another place
// may have a signature.
func signaturesOf(ctx context.Context, s *Subject) iter.Seq[foundSignature] {
	return func(yield func(foundSignature) bool) {
		for _, in := range []func(context.Context, *Subject) iter.Seq[foundSignature]{bundlesOf, simpleSigningOf} {
			n := 0 // of each format: a list of what is not there must not keep the other from being read
			for found := range in(ctx, s) {
				if n++; n > maxSignatures {
					found = foundSignature{err: fmt.Errorf("more than %d, of which the rest are not looked at", maxSignatures)}
				}
				if ctx.Err() != nil || !yield(found) {
					return
				}
				if n > maxSignatures {
					break
				}
			}
		}
	}
}

// bundlesOf reads the sigstore bundles that refer to an artifact.
func bundlesOf(ctx context.Context, s *Subject) iter.Seq[foundSignature] {
	return func(yield func(foundSignature) bool) {
		for text, err := range s.Bundles(ctx) {
			found := foundSignature{format: "sigstore bundle"}
			if err == nil {
				found.Signature, err = signature.FromBundle(text, s.Digest)
			}
			if err != nil {
				found.err = fmt.Errorf("%s: %w", found.format, err)
			}
			if !yield(found) {
				return
			}
		}
	}
}

// Bundles reads the sigstore bundles that refer to the artifact, one after the other: what is
// attached to it as an OCI referrer with a layer of a bundle's media type. At most 100 of the
// manifests that refer to it are looked into, and at most 100 bundles are read in all. An error
// stands for one of them, or for the list of them, and others may follow. So does one for a referrer
// with simple signing, which is no bundle: cosign 2 attaches that if it is told to.
//
// Descriptors do not always have the type of what they describe. So those of other types are looked
// into, too, but last. First come those that say that they are signatures: attestations, of which
// there may be one for each day, must not keep them out.
func (s *Subject) Bundles(ctx context.Context) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		referrers, err := s.Referrers(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		slices.SortStableFunc(referrers, func(a, b v1.Descriptor) int { return unlikeSignature(a) - unlikeSignature(b) })
		left := maxSignatures
		for i, d := range referrers {
			if i == maxSignatures || left == 0 {
				yield(nil, fmt.Errorf("%w: more than %d referrers or bundles, of which the rest are not looked at", ErrTooLarge, maxSignatures))
				return
			}
			if !s.bundlesIn(ctx, d.Digest, &left, yield) {
				return
			}
		}
	}
}

// bundlesIn yields the bundles in one manifest, as many as are left to read, and reports whether to
// go on.
func (s *Subject) bundlesIn(ctx context.Context, manifest v1.Hash, left *int, yield func([]byte, error) bool) bool {
	layers, err := layersNamed(ctx, s, manifest.String())
	if err != nil {
		return yield(nil, err)
	}
	told := false
	for _, l := range layers {
		if l.MediaType == signature.SimpleSigningType && !told {
			told = true // there may be many
			if !yield(nil, fmt.Errorf("the referrer %s has simple signing instead, which is read only under the tag %s-….sig: "+
				"sign with cosign's registry-referrers-mode legacy", shortID(manifest.Hex), s.Digest.Algorithm)) {
				return false
			}
		}
		if !signature.IsBundle(string(l.MediaType)) {
			continue
		}
		if *left == 0 {
			return yield(nil, fmt.Errorf("%w: more than %d bundles, of which the rest are not looked at", ErrTooLarge, maxSignatures))
		}
		*left--
		if !yield(s.Blob(ctx, l, signature.MaxBytes)) {
			return false
		}
	}
	return true
}

// unlikeSignature is lower for a descriptor that is more likely to be of a signature.
func unlikeSignature(d v1.Descriptor) int {
	switch predicate, ok := d.Annotations[signature.PredicateAnnotation]; {
	case predicate == signature.SignPredicate:
		return 0
	case !signature.IsBundle(d.ArtifactType):
		return 3 // it may be of anything
	case ok:
		return 2
	}
	return 1
}

// simpleSigningOf reads what is under the tag where cosign 2 puts signatures.
func simpleSigningOf(ctx context.Context, s *Subject) iter.Seq[foundSignature] {
	const format = "simple signing"
	return func(yield func(foundSignature) bool) {
		layers, err := layersNamed(ctx, s, s.Digest.Algorithm+"-"+s.Digest.Hex+".sig")
		if errors.Is(err, ErrNotFound) {
			return
		}
		if err != nil {
			yield(foundSignature{err: err})
			return
		}
		for _, l := range layers {
			if l.MediaType != signature.SimpleSigningType {
				continue
			}
			found := foundSignature{format: format}
			payload, err := s.Blob(ctx, l, signature.MaxBytes)
			if err == nil {
				found.Signature, err = signature.FromSimpleSigning(payload, l.Annotations[signature.SimpleSigningAnnotation], s.Digest)
			}
			if err != nil {
				found.err = fmt.Errorf("%s %s: %w", format, shortID(l.Digest.Hex), err)
			}
			if !yield(found) {
				return
			}
		}
	}
}

// layersNamed returns the layers of the manifest that id names. What is no image manifest has none.
func layersNamed(ctx context.Context, s *Subject, id string) ([]v1.Descriptor, error) {
	d, raw, err := s.Get(ctx, id)
	if err != nil || d.MediaType != types.OCIManifestSchema1 && d.MediaType != types.DockerManifestSchema2 {
		return nil, err
	}
	m, err := manifest.Parse(raw, d.MediaType)
	if err != nil {
		return nil, err
	}
	return m.Layers, nil
}
