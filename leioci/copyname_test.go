package leioci_test

import (
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestATitleThatIsTooLongForAFileIsNotTheNameOfABlob(t *testing.T) {
	src := repository(t, leiocitest.NewRegistry(t))
	layer := putBlob(t, src, "layer", "application/vnd.example.layer")
	layer.Annotations = map[string]string{"org.opencontainers.image.title": strings.Repeat("x", 1<<20)}
	putRaw(t, src, "v1", v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1,
		Config: putBlob(t, src, "{}", "application/vnd.example.config+json"), Layers: []v1.Descriptor{layer},
	})
	named := false
	_, err := newClient(t).Copy(t.Context(), locate(t, src, ":v1"), parseLocation(t, "oci-layout:"+filepath.Join(t.TempDir(), "lei")),
		leioci.Progress(func(e leioci.Event) { named = named || e.Name == layer.Digest.String() }))
	if must(t, err); !named {
		t.Error("it is not named by its digest")
	}
}
