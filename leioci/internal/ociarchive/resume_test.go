package ociarchive

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
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
	mustWrite(t, path, m, img, "latest")
	if m.fetched != 32_000 {
		t.Errorf("%d bytes were fetched", m.fetched)
	}
	if !bytes.Equal(content(t, path), content(t, fresh)) {
		t.Error("the archive differs from one that was written in one go")
	}
}

// A crash, or another program, leaves whatever it likes.
func TestWhateverAPartialArchiveHoldsTheResultIsRight(t *testing.T) {
	m := newMemory()
	img := m.image("one", 2000, 700, 5000)
	seedDir := target(t)
	w := newTestWriter(t, seedDir)
	if err := errors.Join(putImage(t.Context(), w, m, img), w.Close()); err != nil {
		t.Fatal(err)
	}
	whole := content(t, partialPath(seedDir))
	random := rand.New(rand.NewPCG(1, 2))
	path := target(t)
	for i := range 300 {
		b := bytes.Clone(whole[:random.IntN(len(whole)+1)])
		for range random.IntN(3) {
			if len(b) > 0 {
				b[random.IntN(len(b))] ^= byte(1 + random.IntN(255))
			}
		}
		if err := os.WriteFile(partialPath(path), b, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := write(t.Context(), loose{osDisk{}}, path, m, img, fmt.Sprintf("tag-%d", i)); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
		assertHolds(t, path, fmt.Sprintf("tag-%d", i), m, img)
		if i%3 == 0 {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestAHeaderOfAnyKindIsNoRegion(t *testing.T) {
	m := newMemory()
	img := m.image("one", 2000)
	d := img.blobs[1]
	huge, err := header(blobName(d.Digest), math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}
	large, err := header(blobName(img.blobs[0].Digest), 1<<62)
	if err != nil {
		t.Fatal(err)
	}
	fresh := target(t)
	mustWrite(t, fresh, m, img, "latest")
	for name, b := range map[string][]byte{
		"a blob of MaxInt64":  huge,
		"a blob over a limit": large,
		"another kind":        tarOf(t, link('2', blobName(d.Digest), "/etc/passwd")),
		"another mode":        tarOf(t, entryOf(blobName(d.Digest), string(m.blobs[d.Digest])).as(func(h *tar.Header) { h.Mode = 0o600 })),
		"another file":        tarOf(t, entryOf("index.json", "{}")),
		"the same blob twice": append(regionOf(t, m, d), regionOf(t, m, d)...),
		"zeros":               make([]byte, 5000),
		"text":                []byte("hello"),
	} {
		path := target(t)
		if err := os.WriteFile(partialPath(path), b, 0o600); err != nil {
			t.Fatal(err)
		}
		w, err := NewWriter(t.Context(), path, 1<<40, silent())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := errors.Join(putImage(t.Context(), w, m, img, "latest"), w.Commit(t.Context()), w.Close()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if name != "the same blob twice" && !bytes.Equal(content(t, path), content(t, fresh)) {
			t.Errorf("%s: the archive differs from one that was written in one go", name)
		}
		assertHolds(t, path, "latest", m, img)
	}
}

func regionOf(t *testing.T, m *memory, d v1.Descriptor) []byte {
	t.Helper()
	b, err := header(blobName(d.Digest), d.Size)
	if err != nil {
		t.Fatal(err)
	}
	b = append(b, m.blobs[d.Digest]...)
	return append(b, make([]byte, padded(int64(len(b)))-int64(len(b)))...)
}

// What another user, or another program, may have put in the place of the partial archive is neither
// written to nor removed.
func TestWhatIsNoPartialArchiveIsLeftAlone(t *testing.T) {
	m := newMemory()
	img := m.image("one", 2000)
	for name, put := range map[string]func(path, mine string) error{
		"a symbolic link": func(path, mine string) error { return os.Symlink(mine, path) },
		"a hard link":     func(path, mine string) error { return os.Link(mine, path) },
		"a directory":     func(path, _ string) error { return os.Mkdir(path, 0o755) },
	} {
		t.Run(name, func(t *testing.T) {
			path := target(t)
			mine := filepath.Join(t.TempDir(), "mine")
			if err := os.WriteFile(mine, []byte("mine"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := put(partialPath(path), mine); err != nil {
				t.Skip(err)
			}
			mustWrite(t, path, m, img, "latest")
			assertHolds(t, path, "latest", m, img)
			if got := content(t, mine); string(got) != "mine" {
				t.Errorf("the file holds %q", got)
			}
			if left := beside(t, path); len(left) != 1 {
				t.Errorf("beside it are %q", left)
			}
		})
	}
}

func TestAPartialArchiveThatIsDeletedIsAnError(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("an open file cannot be deleted")
	}
	path := target(t)
	m := newMemory()
	old, img := m.image("old", 10), m.image("one", 2000)
	mustWrite(t, path, m, old, "latest")
	w := newTestWriter(t, path)
	if err := errors.Join(putImage(t.Context(), w, m, img, "latest"), os.Remove(partialPath(path))); err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(t.Context()); err == nil || !strings.Contains(err.Error(), "removed by another process") {
		t.Errorf("got %v", err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	assertHolds(t, path, "latest", m, old)
}

func TestPrivateArchivesOfKilledProcessesAreRemovedAfterADay(t *testing.T) {
	path := target(t)
	m := newMemory()
	recent, stale := partialPath(path)+"-RECENT", partialPath(path)+"-STALE"
	for _, name := range []string{recent, stale} {
		if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	before := time.Now().Add(-privateAge - time.Hour)
	if err := os.Chtimes(stale, before, before); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, path, m, m.image("one", 10), "latest")
	if left := beside(t, path); len(left) != 1 || left[0] != filepath.Base(recent) {
		t.Errorf("beside it are %q", left)
	}
}

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
