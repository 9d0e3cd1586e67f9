package sigstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci"
)

const (
	// maxCandidates is how many of either format are looked at.
	maxCandidates = 100
	// maxPayload is the size that a payload of simple signing may have. cosign's have some 250
	// bytes.
	maxPayload = 256 << 10
)

// A candidate is something in a place for signatures.
type candidate struct {
	format string
	read   func() (*evidence, error)
}

// unread is the error of what its place did not give. The same error may mean something else where it
// is about what is in a signature.
type unread struct{ error }

// candidatesOf finds what may be signatures of an artifact, one after the other, so that none is
// fetched that is not needed. That a place cannot be read is a candidate that cannot be: another
// place may have a signature.
func candidatesOf(ctx context.Context, s *leioci.Subject) iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		for text, err := range s.Bundles(ctx) {
			c := candidate{"sigstore bundle", func() (*evidence, error) {
				if err != nil {
					return nil, unread{err}
				}
				return fromBundle(text, s.Digest)
			}}
			if ctx.Err() != nil || !yield(c) {
				return
			}
		}
		for layer, err := range simpleSigningLayers(ctx, s) {
			c := candidate{"simple signing", func() (*evidence, error) {
				if err != nil {
					return nil, unread{err}
				}
				payload, err := s.Blob(ctx, layer, maxPayload)
				if err != nil {
					return nil, unread{err}
				}
				return fromSimpleSigning(payload, layer.Annotations, s.Digest)
			}}
			if ctx.Err() != nil || !yield(c) {
				return
			}
		}
	}
}

// simpleSigningLayers reads the manifest under the tag where cosign 2 puts signatures.
func simpleSigningLayers(ctx context.Context, s *leioci.Subject) iter.Seq2[v1.Descriptor, error] {
	return func(yield func(v1.Descriptor, error) bool) {
		d, raw, err := s.Get(ctx, s.Digest.Algorithm+"-"+s.Digest.Hex+".sig")
		if errors.Is(err, leioci.ErrNotFound) {
			return
		}
		var m *v1.Manifest
		if err == nil && d.MediaType.IsImage() {
			m, err = v1.ParseManifest(bytes.NewReader(raw))
		}
		if err != nil {
			yield(v1.Descriptor{}, err)
			return
		}
		if m == nil { // an index, for example
			return
		}
		n := 0
		for _, l := range m.Layers {
			if l.MediaType != simpleSigningType {
				continue
			}
			if n++; n > maxCandidates {
				yield(v1.Descriptor{}, fmt.Errorf("%w: more than %d, of which the rest are not looked at", leioci.ErrTooLarge, maxCandidates))
				return
			}
			if !yield(l, nil) {
				return
			}
		}
	}
}
