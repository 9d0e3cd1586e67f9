// Package artifact defines what makes an image manifest an LEI artifact: the media types of its
// parts, the files they become, and the annotation that holds the snapshot's date.
package artifact

import (
	"fmt"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// The media types of an artifact. Package leioci documents each under the same name.
const (
	MediaTypeConfig   types.MediaType = "application/vnd.lei.cache.config.v1+json"
	MediaTypeManifest types.MediaType = "application/vnd.lei.cache.manifest+json"
	MediaTypeCache    types.MediaType = "application/vnd.lei.cache.jsonl+gzip"
)

// The annotations of an artifact, from the [OCI image specification].
//
// [OCI image specification]: https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md
const (
	AnnotationCreated     = "org.opencontainers.image.created"
	AnnotationDescription = "org.opencontainers.image.description"
	AnnotationTitle       = "org.opencontainers.image.title"
	AnnotationVersion     = "org.opencontainers.image.version"
)

// A LayerFile names the file that holds the content of a layer with the given media type.
type LayerFile struct {
	MediaType types.MediaType
	Name      string
}

// LayerFiles returns the layers of an artifact in manifest order. A file's name is determined by
// its layer's media type, never by a registry.
func LayerFiles() []LayerFile {
	return []LayerFile{
		{MediaTypeManifest, snapshot.ManifestFile},
		{MediaTypeCache, snapshot.CacheFile},
	}
}

// A File is a file of a snapshot, and the descriptor of the layer that holds its content.
type File struct {
	Name       string
	Descriptor v1.Descriptor
}

// Files finds the layers of a snapshot: exactly one of each LEI type, in any order; layers of other
// types are ignored. The result is in the order of [LayerFiles]. The error is
// errdef.ErrNotSnapshot.
func Files(m *v1.Manifest) ([]File, error) {
	var files []File
	for _, lf := range LayerFiles() {
		n := len(files)
		for _, d := range m.Layers {
			if d.MediaType == lf.MediaType {
				files = append(files, File{lf.Name, d})
			}
		}
		if found := len(files) - n; found != 1 {
			return nil, fmt.Errorf("%w: %d layers of type %s, want 1", errdef.ErrNotSnapshot, found, lf.MediaType)
		}
	}
	return files, nil
}

// Date returns the snapshot's date that m is annotated with, which is never the zero time. The
// original client writes none.
func Date(m *v1.Manifest) (date time.Time, ok bool) {
	date, err := time.Parse(time.DateOnly, m.Annotations[AnnotationVersion])
	return date, err == nil && date.After(time.Time{})
}
