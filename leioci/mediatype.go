package leioci

import (
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// The media types of an LEI artifact. Its manifest is an OCI image manifest
// ([types.OCIManifestSchema1]) without an artifactType.
const (
	// MediaTypeConfig is the config: a small JSON object that describes the snapshot.
	MediaTypeConfig types.MediaType = "application/vnd.lei.cache.config.v1+json"
	// MediaTypeManifest is the layer that holds manifest.json, the snapshot's metadata.
	MediaTypeManifest types.MediaType = "application/vnd.lei.cache.manifest+json"
	// MediaTypeCache is the layer that holds cache.jsonl.gz, the reports.
	MediaTypeCache types.MediaType = "application/vnd.lei.cache.jsonl+gzip"
)

// The annotations that this package writes, from the [OCI image specification].
//
// [OCI image specification]: https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md
const (
	annotationCreated     = "org.opencontainers.image.created"
	annotationDescription = "org.opencontainers.image.description"
	annotationTitle       = "org.opencontainers.image.title"
	annotationVersion     = "org.opencontainers.image.version"
)

// layerFiles says which file holds the content of which layer type, in the order the layers have in a manifest.
// A file's name never comes from a registry.
func layerFiles() []layerFile {
	return []layerFile{
		{MediaTypeManifest, snapshot.ManifestFile},
		{MediaTypeCache, snapshot.CacheFile},
	}
}

type layerFile struct {
	mediaType types.MediaType
	name      string
}

// snapshotFile is a file of a snapshot and the layer that holds it.
type snapshotFile struct {
	name       string
	descriptor v1.Descriptor
}

// snapshotFiles finds the layers of a snapshot: exactly one of each LEI type.
func snapshotFiles(m *v1.Manifest) ([]snapshotFile, error) {
	var files []snapshotFile
	for _, lf := range layerFiles() {
		n := len(files)
		for _, d := range m.Layers {
			if d.MediaType == lf.mediaType {
				files = append(files, snapshotFile{lf.name, d})
			}
		}
		if found := len(files) - n; found != 1 {
			return nil, fmt.Errorf("%w: %d layers of type %s, want 1", ErrNotSnapshot, found, lf.mediaType)
		}
	}
	return files, nil
}
