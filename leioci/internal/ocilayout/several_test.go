package ocilayout_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func TestSeveralWritersLoseNobodysTag(t *testing.T) {
	const writers, tags = 8, 5
	dir := filepath.Join(t.TempDir(), "layout")
	from := open(t, filepath.Join("testdata", "both"))
	var group sync.WaitGroup
	for i := range writers {
		w := newWriter(t, dir)
		group.Go(func() {
			for j := range tags {
				err := put(t.Context(), w, from, "latest", fmt.Sprint("v", i, ".", j))
				if err == nil {
					err = w.Commit(t.Context())
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	got, err := open(t, dir).Tags(t.Context())
	if err != nil || len(got) != writers*tags {
		t.Errorf("%d tags, %v", len(got), err)
	}
	if got := files(t, dir); slices.Contains(got, ".leioci-ingest") {
		t.Errorf("it holds %q", got)
	}
}

func TestOneWriterIsUsedByManyAtOnce(t *testing.T) {
	m := &memory{}
	var all []v1.Descriptor
	for i := range 8 {
		all = append(all, m.blob(3000+i, 1))
	}
	dir := filepath.Join(t.TempDir(), "layout")
	w := newWriter(t, dir)
	var group sync.WaitGroup
	for i := range 32 {
		group.Go(func() {
			if err := w.PutBlob(t.Context(), all[i%len(all)], &memory{blobs: m.blobs}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	must(t, w.Commit(t.Context()))
	for _, d := range all {
		if got := read(t, open(t, dir), d); !bytes.Equal(got, m.blobs[d.Digest]) {
			t.Error("a blob is not right")
		}
	}
}
