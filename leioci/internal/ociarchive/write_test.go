package ociarchive

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
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

func TestWhatIsNoArchiveIsRefusedAndKept(t *testing.T) {
	dir := t.TempDir()
	m := newMemory()
	archived := filepath.Join(dir, "cut")
	mustWrite(t, archived, m, m.image("one", 10_000), "latest")
	cut := content(t, archived)[:8000]
	for name, b := range map[string][]byte{
		"text": []byte("my notes"), "zeros": make([]byte, 4096), "cut": cut,
		"gzip": {0x1f, 0x8b, 8, 0}, "another tar": tarOf(t, entryOf("notes.txt", "mine")),
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := NewWriter(t.Context(), path, math.MaxInt64, silent())
		if !errors.Is(err, errdef.ErrTargetNotEmpty) || !bytes.Equal(content(t, path), b) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := NewWriter(t.Context(), dir, math.MaxInt64, silent()); !errors.Is(err, errdef.ErrTargetNotEmpty) {
		t.Errorf("a directory: got %v", err)
	}
	if left := beside(t, archived); left != nil {
		t.Errorf("beside it are %q", left)
	}
}

func TestAnEmptyFileIsReplaced(t *testing.T) {
	path := target(t)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	m := newMemory()
	img := m.image("one", 10)
	mustWrite(t, path, m, img, "latest")
	assertHolds(t, path, "latest", m, img)
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the file has the mode %v, %v", info.Mode(), err)
	}
}

func TestAnArchiveHasTheModeOfTheOldOneOrOfANewFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no modes")
	}
	path := target(t)
	m := newMemory()
	img := m.image("one", 10)
	mustWrite(t, path, m, img, "latest")
	other := path + ".other"
	if err := os.WriteFile(other, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	want, err := os.Stat(other)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.Stat(path); err != nil || got.Mode() != want.Mode() {
		t.Errorf("a new archive has the mode %v, want %v, %v", got.Mode(), want.Mode(), err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, path, m, img, "another")
	if got, err := os.Stat(path); err != nil || got.Mode().Perm() != 0o640 {
		t.Errorf("the archive has the mode %v, %v", got.Mode(), err)
	}
}

func TestASymbolicLinkIsFollowed(t *testing.T) {
	dir := t.TempDir()
	file, link, dangling := filepath.Join(dir, "real.tar"), filepath.Join(dir, "link.tar"), filepath.Join(dir, "dangling.tar")
	if err := errors.Join(os.Symlink("real.tar", link), os.Symlink("nothing", dangling)); err != nil {
		t.Skip(err)
	}
	m := newMemory()
	one, two := m.image("one", 10), m.image("two", 10)
	mustWrite(t, file, m, one, "one")
	mustWrite(t, link, m, two, "two")
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is %v, %v", info.Mode(), err)
	}
	assertHolds(t, file, "one", m, one)
	assertHolds(t, file, "two", m, two)
	if _, err := NewWriter(t.Context(), dangling, math.MaxInt64, silent()); !errors.Is(err, errdef.ErrTargetNotEmpty) {
		t.Errorf("a dangling link: got %v", err)
	}
}

func TestBlobsMayBePutAtOnce(t *testing.T) {
	path := target(t)
	m := newMemory()
	img := m.image("one", 3000, 20_000, 1, 700, 512, 40_000)
	w := newTestWriter(t, path)
	var wg sync.WaitGroup
	errs := make([]error, 2*len(img.blobs))
	for i, d := range append(img.blobs, img.blobs...) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			errs[i] = w.PutBlob(t.Context(), d, m)
		}()
	}
	wg.Wait()
	if err := errors.Join(append(errs, putImage(t.Context(), w, m, img, "latest"), w.Commit(t.Context()), w.Close())...); err != nil {
		t.Fatal(err)
	}
	assertHolds(t, path, "latest", m, img)
}

func TestAWriterWaitsForTheOtherAndKeepsItsTag(t *testing.T) {
	path := target(t)
	m := newMemory()
	one, two := m.image("one", 10_000), m.image("two", 20_000)
	w := newTestWriter(t, path)
	if err := putImage(t.Context(), w, m, one, "one"); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- write(t.Context(), osDisk{}, path, m, two, "two") }()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := NewWriter(ended, path, math.MaxInt64, silent()); !errors.Is(err, context.Canceled) {
		t.Errorf("a third, whose context has ended: got %v", err)
	}
	if err := errors.Join(w.Commit(t.Context()), w.Close(), <-done); err != nil {
		t.Fatal(err)
	}
	assertHolds(t, path, "one", m, one)
	assertHolds(t, path, "two", m, two)
}

// Where there are no locks, nobody waits.
func TestAnArchiveThatAnotherProcessReplacesMeanwhileIsReadAgain(t *testing.T) {
	path := target(t)
	m := newMemory()
	old, one, two := m.image("old", 500), m.image("one", 10_000), m.image("two", 20_000)
	mustWrite(t, path, m, old, "old")
	w, err := newWriter(t.Context(), lockless{osDisk{}}, path, math.MaxInt64, silent())
	if err != nil {
		t.Fatal(err)
	}
	if err := putImage(t.Context(), w, m, one, "one"); err != nil {
		t.Fatal(err)
	}
	if err := write(t.Context(), lockless{osDisk{}}, path, m, two, "two"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Commit(t.Context()), w.Close()); err != nil {
		t.Fatal(err)
	}
	assertHolds(t, path, "old", m, old)
	assertHolds(t, path, "one", m, one)
	assertHolds(t, path, "two", m, two)
	if left := beside(t, path); left != nil {
		t.Errorf("beside it are %q", left)
	}
}

func TestAnArchiveThatIsDeletedMeanwhileIsWrittenAnew(t *testing.T) {
	path := target(t)
	m := newMemory()
	old := m.image("old", 500)
	mustWrite(t, path, m, old, "old")
	w := newTestWriter(t, path)
	if err := putImage(t.Context(), w, m, old, "new"); err != nil { // relies on blobs that are there
		t.Fatal(err)
	}
	if runtime.GOOS == "windows" {
		t.Skip("an open file cannot be deleted")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Commit(t.Context()), w.Close()); err != nil {
		t.Fatal(err)
	}
	assertHolds(t, path, "new", m, old)
}

func TestADescriptorThatLiesIsRefused(t *testing.T) {
	path := target(t)
	m := newMemory()
	d := m.add([]byte("content"))
	w := newTestWriter(t, path)
	bad := func(change func(*v1.Descriptor)) v1.Descriptor {
		d := d
		change(&d)
		return d
	}
	for name, d := range map[string]v1.Descriptor{
		"a negative size":         bad(func(d *v1.Descriptor) { d.Size = -1 }),
		"a size too small":        bad(func(d *v1.Descriptor) { d.Size-- }),
		"a size too large":        bad(func(d *v1.Descriptor) { d.Size++ }),
		"the largest size":        bad(func(d *v1.Descriptor) { d.Size = math.MaxInt64 }),
		"a digest that is a path": bad(func(d *v1.Descriptor) { d.Digest.Hex = "../../index.json" }),
		"no digest":               bad(func(d *v1.Descriptor) { d.Digest = v1.Hash{} }),
	} {
		if err := w.PutBlob(t.Context(), d, m); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	img := m.image("one", 10)
	if err := w.PutManifest(t.Context(), img.manifest, "not a tag"); !errors.Is(err, errdef.ErrInvalidReference) {
		t.Errorf("an invalid tag: got %v", err)
	}
	img.manifest.Raw = append(img.manifest.Raw, ' ')
	if err := w.PutManifest(t.Context(), img.manifest); !errors.Is(err, errdef.ErrVerification) {
		t.Errorf("a manifest with another digest: got %v", err)
	}
	img = m.image("one", 10)
	if err := errors.Join(w.PutBlob(t.Context(), d, m), putImage(t.Context(), w, m, img, "latest"), w.Commit(t.Context()), w.Close()); err != nil {
		t.Fatal(err)
	}
	assertHolds(t, path, "latest", m, img)
}

func TestTheLimitOfABlobHoldsForWriting(t *testing.T) {
	path := target(t)
	m := newMemory()
	d := m.add(make([]byte, 101))
	w, err := NewWriter(t.Context(), path, 100, silent())
	if err != nil {
		t.Fatal(err)
	}
	defer closeOf(t, w)
	if err := w.PutBlob(t.Context(), d, m); !errors.Is(err, errdef.ErrTooLarge) || m.fetched > 0 {
		t.Errorf("got %v after %d bytes", err, m.fetched)
	}
}

func TestNothingCanBePutAfterCommitOrClose(t *testing.T) {
	path := target(t)
	m := newMemory()
	img := m.image("one", 10)
	w := newTestWriter(t, path)
	if err := errors.Join(putImage(t.Context(), w, m, img, "latest"), w.Commit(t.Context())); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := putImage(t.Context(), w, m, img); !errors.Is(err, errEnded) {
			t.Errorf("put: got %v", err)
		}
		if err := w.Commit(t.Context()); !errors.Is(err, errEnded) {
			t.Errorf("commit: got %v", err)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
}
