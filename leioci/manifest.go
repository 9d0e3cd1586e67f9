package leioci

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/internal/retry"
)

// A Manifest is an image manifest as a registry sent it.
type Manifest struct {
	// Descriptor holds the manifest's media type, size in bytes and digest. The digest is that of Raw.
	Descriptor v1.Descriptor
	// Manifest is Raw decoded. It has a config and at least one layer.
	Manifest *v1.Manifest
	// Raw is byte for byte what the registry sent, at most 4 MiB.
	Raw []byte
}

// PullManifest fetches the manifest that ref names and decodes it ([OCI image manifest], or Docker's schema 2).
//
// The errors: [ErrNotFound], [ErrUnauthorized], [ErrDenied]; [ErrUnsupportedManifest] for an index, a manifest without
// config or layers, and what is no manifest at all; [ErrTooLarge] for one of more than 4 MiB; [ErrVerification] where
// ref is a digest that the answer does not have.
//
// [OCI image manifest]: https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md
func (c *Client) PullManifest(ctx context.Context, ref name.Reference) (*Manifest, error) {
	m, _, err := c.origin(ref.Context()).manifest(ctx, ref, func(*v1.Manifest) error { return nil })
	return m, err
}

// manifest fetches a manifest from the first source that has one which will do, and returns that source, too.
func (o *origin) manifest(ctx context.Context, ref name.Reference, willDo func(*v1.Manifest) error) (*Manifest, name.Repository, error) {
	var m *Manifest
	from, err := o.ask(ctx, func(ctx context.Context, s *session) (err error) {
		if m, err = s.manifest(ctx, at(ref, s.repo)); err == nil {
			err = willDo(m.Manifest)
		}
		return err
	})
	if err == nil && len(m.Manifest.Layers) == 0 {
		err = fmt.Errorf("%w: no layers", ErrUnsupportedManifest)
	}
	if err != nil {
		return nil, from, fail("pull manifest", ref, err)
	}
	return m, from, nil
}

// head asks for the digest of what ref names, without the manifest. Where no source answers that properly, there is none: a
// GET may tell more.
func (o *origin) head(ctx context.Context, ref name.Reference) (digest v1.Hash, from name.Repository, err error) {
	from, err = o.ask(ctx, func(ctx context.Context, s *session) error {
		puller, err := remote.NewPuller(s.remoteOptions()...)
		if err != nil {
			return err
		}
		d, err := puller.Head(ctx, at(ref, s.repo))
		if err == nil {
			digest = d.Digest
		} else if !retry.IsPassing(err) {
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

// manifest fetches, verifies and decodes.
func (s *session) manifest(ctx context.Context, ref name.Reference) (*Manifest, error) {
	var desc *remote.Descriptor
	err := s.try(ctx, func(ctx context.Context) error {
		puller, err := remote.NewPuller(s.remoteOptions()...)
		if err != nil {
			return err
		}
		desc, err = puller.Get(ctx, unchecked(ref))
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := checkDigest(ref, desc.Manifest); err != nil {
		return nil, err
	}
	m, err := parseManifest(desc.Manifest, desc.MediaType)
	if err != nil {
		return nil, err
	}
	d := v1.Descriptor{MediaType: m.MediaType, Size: int64(len(desc.Manifest)), Digest: desc.Digest}
	if byDigest, ok := ref.(name.Digest); ok {
		d.Digest, _ = v1.NewHash(byDigest.DigestStr()) // checked above
	}
	return &Manifest{Descriptor: d, Manifest: m, Raw: desc.Manifest}, nil
}

// unchecked keeps package remote from checking a digest, because its error has no type to tell it by; checkDigest does it.
func unchecked(ref name.Reference) name.Reference { return struct{ name.Reference }{ref} }

// checkDigest verifies raw where ref says what it should be.
func checkDigest(ref name.Reference, raw []byte) error {
	byDigest, ok := ref.(name.Digest)
	if !ok {
		return nil
	}
	want, err := v1.NewHash(byDigest.DigestStr())
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInvalidReference, err)
	}
	h, err := v1.Hasher(want.Algorithm)
	if err != nil {
		return err
	}
	h.Write(raw)
	got := v1.Hash{Algorithm: want.Algorithm, Hex: hex.EncodeToString(h.Sum(nil))}
	if got != want {
		return fmt.Errorf("%w: want %s, got %s", ErrVerification, want, got)
	}
	return nil
}

// parseManifest decodes an image manifest. sentAs is the Content-Type that came with it, which counts where the manifest
// has no media type itself.
func parseManifest(raw []byte, sentAs types.MediaType) (*v1.Manifest, error) {
	if len(raw) > maxManifestBytes {
		return nil, fmt.Errorf("%w: a manifest of %d bytes, limit %d", ErrTooLarge, len(raw), maxManifestBytes)
	}
	var m struct {
		v1.Manifest
		Manifests json.RawMessage `json:"manifests"`
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnsupportedManifest, err)
	}
	if m.MediaType == "" {
		bare, _, _ := strings.Cut(string(sentAs), ";") // without a charset
		m.MediaType = types.MediaType(strings.TrimSpace(bare))
	}
	switch {
	case m.MediaType.IsIndex() || m.Manifests != nil:
		return nil, fmt.Errorf("%w: an index; name one of its manifests by digest", ErrUnsupportedManifest)
	case m.Config.Digest == v1.Hash{}:
		return nil, fmt.Errorf("%w: no config", ErrUnsupportedManifest)
	case !m.MediaType.IsImage():
		return nil, fmt.Errorf("%w: media type %q", ErrUnsupportedManifest, m.MediaType)
	}
	for _, d := range descriptors(&m.Manifest) {
		if d.Size < 0 || d.Digest == (v1.Hash{}) {
			return nil, fmt.Errorf("%w: a descriptor without digest or with a negative size", ErrUnsupportedManifest)
		}
	}
	return &m.Manifest, nil
}

// descriptors returns those of all blobs that m names.
func descriptors(m *v1.Manifest) []v1.Descriptor {
	return append([]v1.Descriptor{m.Config}, m.Layers...)
}
