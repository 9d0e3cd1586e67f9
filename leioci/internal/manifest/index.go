package manifest

import (
	"encoding/json"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/jsonstream"
)

const (
	// MaxEntries is the number of manifests that an index may list.
	MaxEntries = 5000
	// maxIndexValues is the number of JSON values that an index may hold.
	maxIndexValues = 100_000
)

// ParseIndex decodes an [OCI image index] or Docker's manifest list. One without a media type is
// accepted, as many programs write index.json without. The errors and the limits on memory are
// those of [Parse].
//
// [OCI image index]: https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md
func ParseIndex(raw []byte) (*v1.IndexManifest, error) {
	if len(raw) > MaxBytes {
		return nil, fmt.Errorf("%w: an index of %d bytes, limit %d", errdef.ErrTooLarge, len(raw), MaxBytes)
	}
	seen, err := surveyIndex(raw)
	if err != nil {
		return nil, err
	}
	var m v1.IndexManifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, fmt.Errorf("%w: %.200s", errdef.ErrUnsupportedManifest, err.Error())
	}
	annotations := len(m.Annotations)
	for _, d := range append(subject(m.Subject), m.Manifests...) {
		annotations += len(d.Annotations)
		if d.Size < 0 || d.Digest == (v1.Hash{}) {
			return nil, fmt.Errorf("%w: a descriptor without digest or with a negative size", errdef.ErrUnsupportedManifest)
		}
	}
	switch {
	case seen.annotations != annotations:
		return nil, fmt.Errorf("%w: an annotation is given twice", errdef.ErrUnsupportedManifest)
	case m.MediaType != "" && !m.MediaType.IsIndex():
		return nil, fmt.Errorf("%w: media type %.100q is not that of an index", errdef.ErrUnsupportedManifest, m.MediaType)
	}
	return &m, nil
}

func subject(d *v1.Descriptor) []v1.Descriptor {
	if d == nil {
		return nil
	}
	return []v1.Descriptor{*d}
}

// surveyIndex is survey for an index. What could also be read as an image manifest is refused.
func surveyIndex(raw []byte) (surveyed, error) {
	var s surveyed
	err := s.read(raw, s.index, "manifests", MaxEntries, maxIndexValues)
	if err == nil && !s.manifests {
		err = errors.New("not an index: no member named manifests")
	}
	return s, refused(err)
}

func (s *surveyed) index(r *jsonstream.Reader) error {
	known := names{known: []string{
		"schemaVersion", "mediaType", "artifactType", "manifests", "subject", "annotations", "config", "layers",
	}}
	return r.Object(func(name []byte) error {
		member, err := known.member(name)
		if err != nil {
			return err
		}
		switch member {
		case "config", "layers":
			return fmt.Errorf("an index with a member %q", member)
		case "subject":
			return s.descriptor(r)
		case "manifests":
			s.manifests = true
			return orSkip(r, r.Array(func() error {
				s.layers++
				return s.descriptor(r)
			}))
		case "annotations":
			return s.countAnnotations(r)
		}
		return r.Skip()
	})
}
