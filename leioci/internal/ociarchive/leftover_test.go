package ociarchive

import (
	"archive/tar"
	"bytes"
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
)

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
