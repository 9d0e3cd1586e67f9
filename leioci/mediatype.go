package leioci

import (
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/internal/artifact"
)

// The media types of an LEI artifact. Its manifest is an OCI image manifest
// ([types.OCIManifestSchema1]) without an artifactType.
const (
	// MediaTypeConfig is the config: a small JSON object that describes the snapshot.
	MediaTypeConfig types.MediaType = artifact.MediaTypeConfig
	// MediaTypeManifest is the layer that holds manifest.json, the snapshot's metadata.
	MediaTypeManifest types.MediaType = artifact.MediaTypeManifest
	// MediaTypeCache is the layer that holds cache.jsonl.gz, the reports.
	MediaTypeCache types.MediaType = artifact.MediaTypeCache
)
