package leioci

import (
	"bytes"
	"context"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
	"github.com/lowendinsight/lei-go/leioci/internal/target"
)

// trustedManifest is pullManifest for a manifest that is trusted. A source whose manifest is not is
// passed over. subject says who signed it; it is nil where nobody has to.
func trustedManifest(
	ctx context.Context, src *registry.Source, ref name.Reference, t trust, accept func(*v1.Manifest) error,
) (m *Manifest, from name.Repository, subject *Subject, err error) {
	var refusal error
	refused := map[v1.Hash]error{} // at the places that were left then, which are more than there are now
	for {
		m, from, err = pullManifest(ctx, src, ref, accept)
		if err != nil && refusal != nil {
			err = fmt.Errorf("%w; and no other source has another: %w", refusal, err)
		}
		if err != nil || len(t) == 0 {
			return m, from, nil, err
		}
		pinned := ref.Context().Digest(m.Descriptor.Digest.String())
		if err = refused[m.Descriptor.Digest]; err == nil {
			if subject, err = t.verifyAt(ctx, src.Prefer(from), RegistryLocation(ref), m.Raw); err == nil {
				return m, from, subject, nil
			}
			err = fail("verify", pinned, err)
			refused[m.Descriptor.Digest] = err
		}
		if ctx.Err() != nil || src.Without(from) == nil {
			return nil, from, nil, err
		}
		refusal, src = err, src.PassOver(from, err)
	}
}

// verifyIn lets the verifiers look at an artifact and what one place has of it. from may be nil.
func (t trust) verifyIn(ctx context.Context, from store.Reader, asked Location, raw []byte) (*Subject, error) {
	digest, _, err := v1.SHA256(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	s := &Subject{Location: asked, Digest: digest, Manifest: raw, from: from}
	if err := t.verify(ctx, s); err != nil {
		return nil, err
	}
	return s, nil
}

// trustHeld returns who signed the snapshot that the directory holds, if it is trusted. A verdict
// from an earlier pull counts if it was under the same policy, at the same place. Otherwise, verify
// gives one.
func (t trust) trustHeld(targetDir *target.Dir, asked Location, verify func(raw []byte) (*Subject, error)) ([]Signature, error) {
	if len(t) == 0 {
		return nil, nil
	}
	if v, ok := t.verdictOn(targetDir, asked); ok {
		return signatures(v), nil
	}
	s, err := verify(targetDir.Manifest())
	if err == nil {
		err = t.settle(targetDir, s)
	}
	if err != nil {
		return nil, err
	}
	targetDir.Remember()
	return s.signed, nil
}

// verdictOn returns the verdict on what a directory holds, under this policy, at this place.
func (t trust) verdictOn(targetDir *target.Dir, asked Location) (target.Verdict, bool) {
	v, ok := targetDir.Trusted(t.policy())
	return v, ok && v.Place == placeOf(asked) && v.Path == target.Absolute(asked.path)
}

// admit lets the verifiers look at what a directory is to get.
func (t trust) admit(targetDir *target.Dir, raw []byte, verify func(raw []byte) (*Subject, error)) (*Subject, error) {
	if len(t) == 0 {
		return nil, nil
	}
	s, err := verify(raw)
	if err != nil {
		return nil, err
	}
	return s, t.settle(targetDir, s)
}

// settle tells the directory that the snapshot which it is about to get is trusted.
func (t trust) settle(targetDir *target.Dir, s *Subject) error {
	if len(t) == 0 {
		return nil
	}
	v, err := t.verdict(s)
	targetDir.Trust(v)
	return err
}
