package ociarchive

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

func TestWhatIsWrittenIsRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "new", "directory", "archive.tar")
	m := newMemory()
	img := m.image("one", 100_000, 0, 511, 512, 513)
	mustWrite(t, path, m, img, "2026-02-08", "latest")
	assertHolds(t, path, "2026-02-08", m, img)
	assertHolds(t, path, "latest", m, img)
	assertHolds(t, path, img.manifest.Descriptor.Digest.String(), m, img)
	a := open(t, path)
	if tags, err := a.Tags(t.Context()); err != nil || !slices.Equal(tags, []string{"2026-02-08", "latest"}) {
		t.Errorf("the tags are %q, %v", tags, err)
	}
	if id, err := a.Default(t.Context()); err != nil || id != "latest" {
		t.Errorf("the default is %q, %v", id, err)
	}
	if left := beside(t, path); left != nil {
		t.Errorf("beside it are %q", left)
	}
}

// A tar archive ends with two blocks of zeros, and has nothing in it that depends on time or user.
func TestTheSameArtifactMakesTheSameArchive(t *testing.T) {
	m := newMemory()
	img := m.image("one", 100_000, 0, 513)
	first, second := target(t), target(t)
	mustWrite(t, first, m, img, "latest")
	mustWrite(t, second, m, img, "latest")
	if !bytes.Equal(content(t, first), content(t, second)) {
		t.Error("the archives differ")
	}
	b := content(t, first)
	if !bytes.Equal(b[len(b)-2*blockSize:], make([]byte, 2*blockSize)) || len(b)%blockSize != 0 {
		t.Error("the archive has no end")
	}
	var names []string
	for r := tar.NewReader(bytes.NewReader(b)); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Mode != 0o644 || h.Uid != 0 || h.Gid != 0 || h.Uname != "" || h.ModTime.Unix() != 0 || h.Typeflag != tar.TypeReg {
			t.Errorf("the header is %+v", h)
		}
		names = append(names, h.Name)
	}
	var want []string
	for _, d := range append(img.blobs, img.manifest.Descriptor) {
		want = append(want, blobName(d.Digest))
	}
	if want = append(want, "oci-layout", "index.json"); !slices.Equal(names, want) {
		t.Errorf("the entries are %q, want %q", names, want)
	}
}

func TestAnArchiveKeepsItsTagsAndBlobs(t *testing.T) {
	path := target(t)
	m := newMemory()
	one, two := m.image("one", 70_000, 5), m.image("two", 30_000)
	two.blobs = append(two.blobs, one.blobs[1]) // a blob of both
	mustWrite(t, path, m, one, "2026-02-01", "latest")
	m.fetched = 0
	mustWrite(t, path, m, two, "2026-02-08", "latest")
	if want := two.blobs[0].Size + two.blobs[1].Size; m.fetched != want {
		t.Errorf("%d bytes were fetched, want %d", m.fetched, want)
	}
	assertHolds(t, path, "2026-02-01", m, one)
	assertHolds(t, path, "2026-02-08", m, two)
	assertHolds(t, path, "latest", m, two)
	if left := beside(t, path); left != nil {
		t.Errorf("beside it are %q", left)
	}
}

func TestASecondCopyLeavesTheArchiveAlone(t *testing.T) {
	path := target(t)
	m := newMemory()
	img := m.image("one", 70_000)
	mustWrite(t, path, m, img, "latest")
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	m.fetched = 0
	mustWrite(t, path, m, img, "latest")
	after, err := os.Stat(path)
	if err != nil || !os.SameFile(before, after) || m.fetched != 0 || beside(t, path) != nil {
		t.Errorf("%d bytes were fetched, the file is another: %v, beside it are %q, %v",
			m.fetched, !os.SameFile(before, after), beside(t, path), err)
	}
	mustWrite(t, path, m, img, "another")
	assertHolds(t, path, "another", m, img)
}

func TestAnArchiveMayBeCopiedToItself(t *testing.T) {
	path := target(t)
	m := newMemory()
	img := m.image("one", 70_000)
	mustWrite(t, path, m, img, "latest")
	a := open(t, path)
	if runtime.GOOS == "windows" {
		t.Skip("an open file cannot be replaced")
	}
	for _, tag := range []string{"latest", "another"} {
		if err := write(t.Context(), osDisk{}, path, a, img, tag); err != nil {
			t.Fatal(err)
		}
		assertHolds(t, path, tag, m, img)
	}
}

func TestADamagedBlobIsFetchedAgain(t *testing.T) {
	path := target(t)
	m := newMemory()
	img := m.image("one", 70_000, 5)
	mustWrite(t, path, m, img, "latest")
	b := content(t, path)
	b[bytes.Index(b, []byte("one layer 0."))+40_000] ^= 1
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
	m.fetched = 0
	mustWrite(t, path, m, img, "latest")
	assertHolds(t, path, "latest", m, img)
	if m.fetched != 70_000 {
		t.Errorf("%d bytes were fetched", m.fetched)
	}
}

func TestAReferrerIsListedUnderItsSubject(t *testing.T) {
	path := target(t)
	m := newMemory()
	img := m.image("one", 10)
	raw := bytes.Replace(m.image("signature", 3).manifest.Raw, []byte("{"),
		[]byte(`{"subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"`+img.manifest.Descriptor.Digest.String()+
			`","size":`+sizeOf(img.manifest.Raw)+`},"artifactType":"application/x",`), 1)
	signature := m.image("signature", 3)
	signature.manifest = &store.Manifest{Raw: raw, Descriptor: m.add(raw)}
	signature.manifest.Descriptor.MediaType = img.manifest.Descriptor.MediaType
	for range 2 { // the second copy changes nothing
		w := newTestWriter(t, path)
		if err := errors.Join(putImage(t.Context(), w, m, img, "latest"), putImage(t.Context(), w, m, signature), w.Commit(t.Context()), w.Close()); err != nil {
			t.Fatal(err)
		}
		a := open(t, path)
		got, err := a.Referrers(t.Context(), img.manifest.Descriptor.Digest)
		if err != nil || len(got) != 1 || got[0].Digest != signature.manifest.Descriptor.Digest || got[0].ArtifactType != "application/x" {
			t.Errorf("the referrers are %+v, %v", got, err)
		}
	}
}

func newTestWriter(t *testing.T, path string) *Writer {
	t.Helper()
	w, err := NewWriter(t.Context(), path, math.MaxInt64, silent())
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestABlobOfAnotherSizeIsNotThere(t *testing.T) {
	path := target(t)
	m := newMemory()
	img := m.image("one", 500)
	mustWrite(t, path, m, img, "latest")
	w := newTestWriter(t, path)
	defer closeOf(t, w)
	d := img.blobs[1]
	if has, err := w.HasBlob(t.Context(), d); !has || err != nil {
		t.Errorf("the blob: got %v, %v", has, err)
	}
	d.Size++
	if has, err := w.HasBlob(t.Context(), d); has || err != nil {
		t.Errorf("with another size: got %v, %v", has, err)
	}
}
