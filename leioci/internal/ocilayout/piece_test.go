package ocilayout_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

// divided is a memory that downloads as a registry does which serves ranges: some comes beside.
type divided struct{ *memory }

// divisible is what such a download needs.
type divisible interface {
	store.Partial
	Pieces() []int64
	Beside(offset int64) (interface {
		Size() int64
		io.ReaderAt
		io.Writer
		io.Closer
		Remove() error
	}, error)
}

// Download writes the first 1000 bytes, and those from 3000 on to a piece, and breaks off; unless
// there is a piece, which it uses.
func (m divided) Download(_ context.Context, d v1.Descriptor, into store.Partial) (int64, error) {
	part, content := into.(divisible), m.blobs[d.Digest]
	if len(part.Pieces()) == 0 {
		beside, err := part.Beside(3000)
		if err == nil {
			_, err = beside.Write(content[3000:])
			err = errors.Join(err, beside.Close())
		}
		if err == nil {
			_, err = part.Write(content[:1000])
		}
		return 0, errors.Join(err, errBroken)
	}
	beside, err := part.Beside(part.Pieces()[0])
	if err != nil {
		return 0, err
	}
	rest := make([]byte, beside.Size())
	if _, err := beside.ReadAt(rest, 0); err != nil {
		return 0, err
	}
	_, err = part.Write(append(bytes.Clone(content[part.Size():3000]), rest...))
	return 3000 - part.Size(), errors.Join(err, beside.Remove())
}

func TestPiecesOfABlobAreKeptForTheNextWriter(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "layout")
	m := divided{&memory{}}
	d := m.blob(5000, 1)
	w := newWriter(t, dir)
	if err := w.PutBlob(t.Context(), d, m); !errors.Is(err, errBroken) {
		t.Fatalf("got %v", err)
	}
	must(t, w.Close())
	w = newWriter(t, dir)
	must(t, w.PutBlob(t.Context(), d, m))
	if got, err := os.ReadFile(blobFile(dir, d.Digest)); err != nil || !bytes.Equal(got, m.blobs[d.Digest]) {
		t.Errorf("the blob is not right, %v", err)
	}
	other := m.blob(6000, 2)
	if err := w.PutBlob(t.Context(), other, m); !errors.Is(err, errBroken) {
		t.Fatalf("got %v", err)
	}
	must(t, w.Commit(t.Context()))
	if got := files(t, dir); !slices.Equal(got, []string{"blobs", "blobs/sha256", "index.json", "oci-layout"}) {
		t.Errorf("it holds %q", got)
	}
}
