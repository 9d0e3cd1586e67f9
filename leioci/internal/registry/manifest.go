package registry

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/retry"
)

// A Manifest is an image manifest as a registry sent it.
type Manifest struct {
	Descriptor v1.Descriptor // its digest is that of Raw
	Manifest   *v1.Manifest
	Raw        []byte
}

// Manifest fetches a manifest from the first place whose manifest accept does not reject, and also
// returns that place. accept may be nil.
func (s *Source) Manifest(ctx context.Context, ref name.Reference, accept func(*v1.Manifest) error) (m *Manifest, from name.Repository, err error) {
	from, err = s.ask(ctx, func(ctx context.Context, session *session) (err error) {
		m, err = session.manifest(ctx, in(session.repo, ref))
		if err == nil && accept != nil {
			err = accept(m.Manifest)
		}
		return err
	})
	if err != nil {
		return nil, from, err
	}
	return m, from, nil
}

// Head resolves ref to a digest without fetching the manifest. If no place gives a usable response,
// Head returns neither a digest nor an error: a GET may tell more.
func (s *Source) Head(ctx context.Context, ref name.Reference) (digest v1.Hash, from name.Repository, err error) {
	from, err = s.ask(ctx, func(ctx context.Context, session *session) error {
		puller, err := remote.NewPuller(session.remoteOptions()...)
		if err != nil {
			return err
		}
		d, err := puller.Head(ctx, in(session.repo, ref))
		if err == nil {
			digest = d.Digest
		} else if !retry.IsRetryable(err) {
			err = fmt.Errorf("%w: %w", errHead, err)
		}
		return err
	})
	if errors.Is(err, errHead) {
		return v1.Hash{}, from, nil
	}
	return digest, from, err
}

var errHead = errors.New("no proper answer to a HEAD")

// manifest fetches, verifies and decodes a manifest.
func (s *session) manifest(ctx context.Context, ref name.Reference) (*Manifest, error) {
	puller, err := remote.NewPuller(s.remoteOptions()...)
	if err != nil {
		return nil, err
	}
	desc, err := puller.Get(ctx, unchecked{ref})
	if err != nil {
		return nil, err
	}
	if err := checkDigest(ref, desc.Manifest); err != nil {
		return nil, err
	}
	m, err := manifest.Parse(desc.Manifest, desc.MediaType)
	if err != nil {
		return nil, err
	}
	d := v1.Descriptor{MediaType: m.MediaType, Size: int64(len(desc.Manifest)), Digest: desc.Digest}
	if byDigest, ok := ref.(name.Digest); ok {
		d.Digest, _ = v1.NewHash(byDigest.DigestStr()) // checked above
	}
	return &Manifest{Descriptor: d, Manifest: m, Raw: desc.Manifest}, nil
}

// unchecked stops package remote from verifying the digest, because its error has no type to
// recognize it by; checkDigest does it instead.
type unchecked struct{ name.Reference }

// checkDigest verifies raw against ref if ref is a digest.
func checkDigest(ref name.Reference, raw []byte) error {
	byDigest, ok := ref.(name.Digest)
	if !ok {
		return nil
	}
	want, err := v1.NewHash(byDigest.DigestStr())
	if err != nil {
		return fmt.Errorf("%w: %w", errdef.ErrInvalidReference, err)
	}
	h, err := v1.Hasher(want.Algorithm)
	if err != nil {
		return err
	}
	h.Write(raw)
	got := v1.Hash{Algorithm: want.Algorithm, Hex: hex.EncodeToString(h.Sum(nil))}
	if got != want {
		return fmt.Errorf("%w: want %s, got %s", errdef.ErrVerification, want, got)
	}
	return nil
}

// rawManifest passes a manifest to package remote with its media type, which package remote would
// otherwise guess.
type rawManifest struct {
	raw       []byte
	mediaType types.MediaType
}

func (m rawManifest) RawManifest() ([]byte, error)        { return m.raw, nil }
func (m rawManifest) MediaType() (types.MediaType, error) { return m.mediaType, nil }
