package artifact_test

import (
	"errors"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/internal/artifact"
	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// The media types as the original client writes them.
const (
	metadata types.MediaType = "application/vnd.lei.cache.manifest+json"
	cache    types.MediaType = "application/vnd.lei.cache.jsonl+gzip"
	other    types.MediaType = "application/octet-stream"
)

// layers are descriptors of the given types, each of a size of its own.
func layers(mediaTypes ...types.MediaType) *v1.Manifest {
	m := &v1.Manifest{}
	for i, mt := range mediaTypes {
		m.Layers = append(m.Layers, v1.Descriptor{
			MediaType: mt, Size: int64(i), Annotations: map[string]string{artifact.AnnotationTitle: "../../evil"},
		})
	}
	return m
}

func TestTheFilesOfASnapshotAreNamedByTheTypesOfItsLayers(t *testing.T) {
	for name, tc := range map[string]struct {
		layers          []types.MediaType
		metadata, cache int64 // the sizes, which tell one layer from another
	}{
		"in order":          {[]types.MediaType{metadata, cache}, 0, 1},
		"in reverse":        {[]types.MediaType{cache, metadata}, 1, 0},
		"among other types": {[]types.MediaType{other, cache, other, metadata, other}, 3, 1},
	} {
		files, err := artifact.Files(layers(tc.layers...))
		if err != nil || len(files) != 2 {
			t.Errorf("%s: got %v, %v", name, files, err)
			continue
		}
		if files[0].Name != "manifest.json" || files[0].Descriptor.Size != tc.metadata {
			t.Errorf("%s: the first is %+v", name, files[0])
		}
		if files[1].Name != "cache.jsonl.gz" || files[1].Descriptor.Size != tc.cache {
			t.Errorf("%s: the second is %+v", name, files[1])
		}
	}
}

func TestAManifestWithoutExactlyOneLayerOfEachTypeIsNoSnapshot(t *testing.T) {
	for name, mediaTypes := range map[string][]types.MediaType{
		"no layers":        {},
		"other layers":     {other, other},
		"no cache":         {metadata},
		"no metadata":      {cache},
		"two caches":       {metadata, cache, cache},
		"two of metadata":  {metadata, metadata, cache},
		"another spelling": {metadata, "Application/vnd.lei.cache.jsonl+gzip"},
	} {
		if files, err := artifact.Files(layers(mediaTypes...)); !errors.Is(err, errdef.ErrNotSnapshot) || files != nil {
			t.Errorf("%s: got %v, %v", name, files, err)
		}
	}
}

func TestTheDateOfASnapshotIsItsVersion(t *testing.T) {
	for version, want := range map[string]time.Time{
		"2026-02-08":           time.Date(2026, 2, 8, 0, 0, 0, 0, time.UTC),
		"2024-02-29":           time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC),
		"":                     {},
		"2026-02-30":           {},
		"2026-2-8":             {},
		"2026-02-08T00:00:00Z": {},
		" 2026-02-08":          {},
		"v1.2.3":               {},
	} {
		m := &v1.Manifest{Annotations: map[string]string{artifact.AnnotationVersion: version}}
		if date, ok := artifact.Date(m); ok != !want.IsZero() || ok && !date.Equal(want) {
			t.Errorf("%q: got %v, %v", version, date, ok)
		}
	}
	if date, ok := artifact.Date(&v1.Manifest{}); ok {
		t.Errorf("without annotations: got %v", date)
	}
}
