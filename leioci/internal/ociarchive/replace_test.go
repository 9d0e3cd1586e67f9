package ociarchive

import (
	"bytes"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

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
		} else if strings.Contains(name, "digest") != errors.Is(err, errdef.ErrUnsupportedManifest) && d.Size >= 0 {
			t.Errorf("%s: got %v", name, err)
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
