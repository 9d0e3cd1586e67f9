package main

import (
	"math"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/artifact"
	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
)

// The kinds of artifacts.
const (
	kindSnapshot = "snapshot"
	kindImage    = "image" // any other
	kindIndex    = "index"
	kindUnlike   = "other" // such as a manifest of a kind that is no longer made
)

// An artifactSummary says what a manifest describes.
type artifactSummary struct {
	digest, mediaType, kind string
	date                    string // of the snapshot, as the manifest has it
	size                    int64  // of the blobs
	image                   *v1.Manifest
	notSnapshot             error // why it is not a snapshot
}

// summarize reads a manifest of any kind.
func summarize(d v1.Descriptor, raw []byte) artifactSummary {
	s := artifactSummary{digest: d.Digest.String(), mediaType: string(d.MediaType), kind: kindUnlike}
	image, err := manifest.Parse(raw, d.MediaType)
	if err != nil {
		s.notSnapshot = err
		if d.MediaType.IsIndex() {
			s.kind = kindIndex
		}
		return s
	}
	s.kind, s.image = kindImage, image
	for _, blob := range manifest.Blobs(image) {
		if s.size += blob.Size; s.size < 0 { // nobody has so much
			s.size = math.MaxInt64
			break
		}
	}
	if _, s.notSnapshot = artifact.Files(image); s.notSnapshot == nil {
		s.kind = kindSnapshot
		if date, ok := artifact.Date(image); ok {
			s.date = date.Format(time.DateOnly)
		}
	}
	return s
}
