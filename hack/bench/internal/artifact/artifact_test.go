package artifact

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

func TestAnArtifactIsAValidSnapshotOfItsSize(t *testing.T) {
	for _, size := range []int64{1, 64 << 10, 4 << 20} {
		a, err := New(t.Context(), t.TempDir(), size)
		if err != nil {
			t.Fatal(err)
		}
		s, err := snapshot.Open(a.Dir)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := s.Verify(t.Context()); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
		repos := int64(0)
		for repo, err := range s.Repos() {
			if err != nil || repo == "" {
				t.Fatalf("repository %q, %v", repo, err)
			}
			repos++
		}
		if repos != s.Metadata().EntryCount {
			t.Errorf("manifest.json lists %d repositories of %d reports", repos, s.Metadata().EntryCount)
		}
		var got int64
		for _, name := range []string{"manifest.json", "cache.jsonl.gz"} {
			info, err := os.Stat(filepath.Join(a.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			got += info.Size()
		}
		if size > 1 && (got < size*9/10 || got > size*11/10) {
			t.Errorf("the files have %d bytes, want about %d", got, size)
		}
	}
}

func TestTheLayoutHasTheSameContent(t *testing.T) {
	a, err := New(t.Context(), t.TempDir(), 64<<10)
	if err != nil {
		t.Fatal(err)
	}
	index, err := layout.ImageIndexFromPath(a.Layout)
	if err != nil {
		t.Fatal(err)
	}
	m, err := index.IndexManifest()
	if err != nil || len(m.Manifests) != 1 {
		t.Fatal(m, err)
	}
	img, err := index.Image(m.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(img, validate.Fast); err != nil {
		t.Error(err)
	}
	raw, err := img.RawManifest()
	if err != nil || string(raw) != string(a.Manifest) {
		t.Errorf("the layout has another manifest: %s, %v", raw, err)
	}
}
