package ociarchive

import (
	"context"
	"errors"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

// A source is a place whose downloads are what a test wants.
type source struct {
	*memory
	download func(into store.Partial) error
}

func (s source) Download(_ context.Context, _ v1.Descriptor, into store.Partial) (int64, error) {
	return 0, s.download(into)
}

func TestASourceThatSendsTooMuchDamagesNoOtherBlob(t *testing.T) {
	path := target(t)
	m := newMemory()
	img := m.image("one", 20_000, 3000)
	w := newTestWriter(t, path)
	m.cut = 5000
	if err := w.PutBlob(t.Context(), img.blobs[1], m); !errors.Is(err, errCut) {
		t.Fatal(err)
	}
	m.cut = 0
	if err := w.PutBlob(t.Context(), img.blobs[2], m); err != nil {
		t.Fatal(err)
	}
	tooMuch := source{m, func(into store.Partial) error {
		_, err := into.Write(make([]byte, 17_000))
		return err
	}}
	if err := w.PutBlob(t.Context(), img.blobs[1], tooMuch); !errors.Is(err, errdef.ErrVerification) {
		t.Errorf("got %v", err)
	}
	if err := errors.Join(putImage(t.Context(), w, m, img, "latest"), w.Commit(t.Context()), w.Close()); err != nil {
		t.Fatal(err)
	}
	assertHolds(t, path, "latest", m, img)
}

func TestWhatWasResetIsNotContinued(t *testing.T) {
	path := target(t)
	m := newMemory()
	d := m.image("one", 20_000).blobs[1]
	w := newTestWriter(t, path)
	err := w.PutBlob(t.Context(), d, source{m, func(into store.Partial) error {
		_, err := into.Write(make([]byte, 17_000))
		if err = errors.Join(err, into.Reset()); err == nil {
			_, err = into.Write(m.blobs[d.Digest][:1000])
		}
		return errors.Join(err, errCut)
	}})
	if err = errors.Join(err, w.Close()); !errors.Is(err, errCut) {
		t.Fatal(err)
	}
	w = newTestWriter(t, path)
	defer closeOf(t, w)
	err = w.PutBlob(t.Context(), d, source{m, func(into store.Partial) error {
		if into.Size() != 1000 {
			t.Errorf("%d bytes are there, want 1000", into.Size())
		}
		return errCut
	}})
	if !errors.Is(err, errCut) {
		t.Error(err)
	}
}
