// Package manifest decodes image manifests, that is [OCI image manifest]s and Docker's schema 2,
// and rejects everything else that a registry may send.
//
// [OCI image manifest]: https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md
package manifest

import (
	"encoding/json"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// MaxBytes is the size of the largest manifest that is read. The OCI distribution specification
// asks registries to accept at least 4 MiB.
const MaxBytes = 4 << 20

// Parse decodes an image manifest. sentAs is the Content-Type that came with it, which counts where
// the manifest has no media type itself. The errors: errdef.ErrTooLarge,
// errdef.ErrUnsupportedManifest, and both for one that holds more than it may.
//
// It takes at most a few times the memory that raw does, whatever raw holds, and refuses what other
// readers of JSON could read as another manifest.
func Parse(raw []byte, sentAs types.MediaType) (*v1.Manifest, error) {
	if len(raw) > MaxBytes {
		return nil, fmt.Errorf("%w: a manifest of %d bytes, limit %d", errdef.ErrTooLarge, len(raw), MaxBytes)
	}
	seen, err := survey(raw)
	if err != nil {
		return nil, err
	}
	var m v1.Manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		// The error may quote a value of any length. Nobody asks for its type.
		return nil, fmt.Errorf("%w: %.200s", errdef.ErrUnsupportedManifest, err.Error())
	}
	if seen.annotations != annotations(&m) {
		return nil, fmt.Errorf("%w: an annotation is given twice", errdef.ErrUnsupportedManifest)
	}
	if m.MediaType == "" {
		bare, _, _ := strings.Cut(string(sentAs), ";") // without a charset
		m.MediaType = types.MediaType(strings.TrimSpace(bare))
	}
	switch {
	case m.MediaType.IsIndex() || seen.manifests:
		return nil, fmt.Errorf("%w: an index; name one of its manifests by digest", errdef.ErrUnsupportedManifest)
	case m.Config.Digest == v1.Hash{}:
		return nil, fmt.Errorf("%w: no config", errdef.ErrUnsupportedManifest)
	case !m.MediaType.IsImage():
		return nil, fmt.Errorf("%w: media type %.100q", errdef.ErrUnsupportedManifest, m.MediaType)
	}
	for _, d := range Blobs(&m) {
		if d.Size < 0 || d.Digest == (v1.Hash{}) {
			return nil, fmt.Errorf("%w: a descriptor without digest or with a negative size", errdef.ErrUnsupportedManifest)
		}
	}
	return &m, nil
}

// Blobs returns the descriptors of all blobs that m references: its config, then its layers.
func Blobs(m *v1.Manifest) []v1.Descriptor {
	return append([]v1.Descriptor{m.Config}, m.Layers...)
}

// annotations returns how many annotations m has in all.
func annotations(m *v1.Manifest) int {
	n := len(m.Annotations)
	if m.Subject != nil {
		n += len(m.Subject.Annotations)
	}
	for _, d := range Blobs(m) {
		n += len(d.Annotations)
	}
	return n
}
