package ociarchive

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"runtime"
	"strings"
	"testing"
)

func TestAnInterruptedCopyGoesOn(t *testing.T) {
	m := newMemory()
	img := m.image("one", 20_000, 3000)
	fresh := target(t)
	mustWrite(t, fresh, m, img, "latest")
	for _, cut := range []int64{1000, 2000, 5000, 19_000} {
		path := target(t)
		m.fetched, m.cut = 0, cut
		tries := 0
		for ; ; tries++ {
			err := write(t.Context(), loose{osDisk{}}, path, m, img, "latest")
			if err == nil {
				break
			}
			if !errors.Is(err, errCut) || tries > 100 {
				t.Fatal(err)
			}
			if left := beside(t, path); len(left) != 1 || !strings.HasPrefix(left[0], ".leioci-archive-") {
				t.Fatalf("beside it are %q", left)
			}
			if info, err := os.Stat(partialPath(path)); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
				t.Errorf("the partial archive has the mode %v, %v", info.Mode(), err)
			}
		}
		if want := 23_000 + img.blobs[0].Size; m.fetched != want || tries == 0 {
			t.Errorf("cut at %d: %d bytes were fetched, want %d", cut, m.fetched, want)
		}
		if !bytes.Equal(content(t, path), content(t, fresh)) {
			t.Errorf("cut at %d: the archive differs from one that was written in one go", cut)
		}
	}
}

func TestABlobWhoseDownloadFailedIsContinuedAfterAnother(t *testing.T) {
	path := target(t)
	m := newMemory()
	img := m.image("one", 20_000, 3000)
	large, small := img.blobs[1], img.blobs[2]
	w := newTestWriter(t, path)
	m.cut = 5000
	if err := w.PutBlob(t.Context(), large, m); !errors.Is(err, errCut) {
		t.Fatal(err)
	}
	if err := w.PutBlob(t.Context(), small, m); err != nil {
		t.Fatal(err)
	}
	m.cut, m.fetched = 0, 0
	if err := errors.Join(putImage(t.Context(), w, m, img, "latest"), w.Commit(t.Context()), w.Close()); err != nil {
		t.Fatal(err)
	}
	if want := 15_000 + img.blobs[0].Size; m.fetched != want {
		t.Errorf("%d bytes were fetched, want %d", m.fetched, want)
	}
	assertHolds(t, path, "latest", m, img)
}

// The partial archive has not been looked at when the context ends.
func TestWhatCanBeContinuedStaysIfAWriterIsGivenUpAtOnce(t *testing.T) {
	path := target(t)
	m := newMemory()
	old, img := m.image("old", 10), m.image("one", 20_000)
	mustWrite(t, path, m, old, "old")
	m.cut = 5000
	if err := write(t.Context(), osDisk{}, path, m, img, "latest"); !errors.Is(err, errCut) {
		t.Fatal(err)
	}
	before := content(t, partialPath(path))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	dk := faultDisk{osDisk{}, func(op string) error {
		if op == "openLocked" {
			cancel()
		}
		return nil
	}}
	if _, err := newWriter(ctx, dk, path, math.MaxInt64, silent()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if !bytes.Equal(content(t, partialPath(path)), before) {
		t.Error("the partial archive is another")
	}
}

// A process that ends after a download failed and another succeeded leaves a hole.
func TestWhatIsBehindAHoleIsKept(t *testing.T) {
	path := target(t)
	m := newMemory()
	img := m.image("one", 20_000, 3000)
	w := newTestWriter(t, path)
	m.cut = 5000
	if err := w.PutBlob(t.Context(), img.blobs[1], m); !errors.Is(err, errCut) {
		t.Fatal(err)
	}
	if err := errors.Join(w.PutBlob(t.Context(), img.blobs[2], m), w.Close()); err != nil {
		t.Fatal(err)
	}
	m.cut, m.fetched = 0, 0
	mustWrite(t, path, m, img, "latest")
	if want := 20_000 + img.blobs[0].Size; m.fetched != want {
		t.Errorf("%d bytes were fetched, want %d", m.fetched, want)
	}
	assertHolds(t, path, "latest", m, img)
}

func TestWhatAnotherCopyLeftIsNotInTheArchive(t *testing.T) {
	m := newMemory()
	left, img := m.image("left", 9000, 10), m.image("one", 2000, 30_000)
	fresh, path := target(t), target(t)
	mustWrite(t, fresh, m, img, "latest")
	w := newTestWriter(t, path)
	if err := errors.Join(w.PutBlob(t.Context(), left.blobs[1], m), w.PutBlob(t.Context(), img.blobs[0], m), w.Close()); err != nil {
		t.Fatal(err)
	}
	m.fetched = 0
	// Where others may write to the partial archive, what was moved in it is verified again.
	if err := write(t.Context(), shared{osDisk{}}, path, m, img, "latest"); err != nil {
		t.Fatal(err)
	}
	if m.fetched != 32_000 {
		t.Errorf("%d bytes were fetched", m.fetched)
	}
	if !bytes.Equal(content(t, path), content(t, fresh)) {
		t.Error("the archive differs from one that was written in one go")
	}
}
