package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/jsonstream"
)

// A Kind is what a manifest of any kind says of itself, and how it relates to others.
type Kind struct {
	MediaType types.MediaType
	// ArtifactType is what lists of referrers give, by the OCI distribution specification: that of
	// the manifest, or else the media type of the config.
	ArtifactType string
	Annotations  map[string]string
	Subject      *v1.Descriptor  // nil if there is none
	Index        bool            // else an image manifest
	Children     []v1.Descriptor // the manifests of an index
	Blobs        []v1.Descriptor // the blobs of an image manifest
}

// ParseAny decodes an image manifest or an index. sentAs and the errors are those of [Parse].
func ParseAny(raw []byte, sentAs types.MediaType) (*Kind, error) {
	if len(raw) > MaxBytes {
		return nil, fmt.Errorf("%w: a manifest of %d bytes, limit %d", errdef.ErrTooLarge, len(raw), MaxBytes)
	}
	bare, _, _ := strings.Cut(string(sentAs), ";")
	sentAs = types.MediaType(strings.TrimSpace(bare))
	if listsManifests(raw) {
		m, err := ParseIndex(raw)
		if err != nil {
			return nil, err
		}
		kind := &Kind{
			MediaType: m.MediaType, ArtifactType: m.ArtifactType, Annotations: m.Annotations, Subject: m.Subject,
			Index: true, Children: m.Manifests,
		}
		switch {
		case kind.MediaType == "" && sentAs.IsIndex():
			kind.MediaType = sentAs
		case kind.MediaType == "":
			kind.MediaType = types.OCIImageIndex
		}
		return kind, nil
	}
	m, err := Parse(raw, sentAs)
	if err != nil {
		return nil, err
	}
	kind := &Kind{
		MediaType: m.MediaType, ArtifactType: m.ArtifactType, Annotations: m.Annotations, Subject: m.Subject,
		Blobs: Blobs(m),
	}
	if kind.ArtifactType == "" {
		kind.ArtifactType = string(m.Config.MediaType)
	}
	return kind, nil
}

// errFound ends the reading of a manifest early.
var errFound = errors.New("found")

// listsManifests reports whether raw has a member that only an index has. What is malformed is for
// the parser of one kind or the other to refuse.
func listsManifests(raw []byte) bool {
	r := jsonstream.NewReader(bytes.NewReader(raw))
	return errors.Is(r.Object(func(name []byte) error {
		if string(name) == "manifests" {
			return errFound
		}
		return r.Skip()
	}), errFound)
}
