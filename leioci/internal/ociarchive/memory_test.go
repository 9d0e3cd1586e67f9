package ociarchive

import (
	"encoding/json"
	"math"
	"runtime"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

func TestManifestsAreNotKeptInMemory(t *testing.T) {
	const n, size = 32, 1 << 20
	m, path := newMemory(), target(t)
	img := m.image("one", 10)
	w, err := newWriter(t.Context(), loose{osDisk{}}, path, math.MaxInt64, silent())
	if err != nil {
		t.Fatal(err)
	}
	defer closeOf(t, w)
	if err := putImage(t.Context(), w, m, img); err != nil {
		t.Fatal(err)
	}
	before := heap()
	var digests []string
	for i := range n {
		raw, err := json.Marshal(v1.Manifest{
			SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: img.blobs[0], Layers: []v1.Descriptor{},
			Annotations: map[string]string{"x": strings.Repeat("x", size+i)},
		})
		if err != nil {
			t.Fatal(err)
		}
		d := m.add(raw)
		delete(m.blobs, d.Digest)
		d.MediaType = types.OCIManifestSchema1
		if err := w.PutManifest(t.Context(), &store.Manifest{Descriptor: d, Raw: raw}); err != nil {
			t.Fatal(err)
		}
		digests = append(digests, d.Digest.String())
	}
	if kept := heap() - before; kept > n*size/4 {
		t.Errorf("%d bytes of memory are used for %d bytes of manifests", kept, n*size)
	}
	if err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	a := open(t, path)
	for _, digest := range digests {
		if got, err := a.Manifest(t.Context(), digest); err != nil || got.Descriptor.Size < size {
			t.Errorf("%s: %v", digest, err)
		}
	}
}

// heap returns how many bytes are in use, but for those in pools, which last for one collection.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}
