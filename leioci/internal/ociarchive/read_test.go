package ociarchive

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/ocilayout"
	"github.com/lowendinsight/lei-go/leioci/internal/regular"
)

const layoutFile = `{"imageLayoutVersion": "1.0.0"}`

// entries returns the entries of an archive that holds an artifact under the tag latest.
func entries(t testing.TB, m *memory, img image) []tarEntry {
	t.Helper()
	x := ocilayout.NewIndex()
	if err := x.Add(img.manifest, "latest"); err != nil {
		t.Fatal(err)
	}
	index, err := x.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	all := []tarEntry{entryOf("oci-layout", layoutFile), entryOf("index.json", string(index))}
	for _, d := range append([]v1.Descriptor{img.manifest.Descriptor}, img.blobs...) {
		all = append(all, entryOf(blobName(d.Digest), string(m.blobs[d.Digest])))
	}
	return all
}

// each changes the headers of all entries.
func each(all []tarEntry, change func(h *tar.Header)) []tarEntry {
	for i := range all {
		change(&all[i].Header)
	}
	return all
}

func save(t testing.TB, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "archive.tar")
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func directory(name string) tarEntry {
	return tarEntry{Header: tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: 0o755}}
}

func link(kind byte, name, to string) tarEntry {
	return tarEntry{Header: tar.Header{Name: name, Typeflag: kind, Linkname: to, Mode: 0o644}}
}

func TestArchivesOfOtherProgramsAreRead(t *testing.T) {
	m := newMemory()
	img := m.image("one", 3000, 10)
	layer := blobName(img.blobs[1].Digest)
	all := func() []tarEntry { return entries(t, m, img) }
	without := all()[:3+len(img.blobs)-2] // the last two blobs are the layers
	for name, b := range map[string][]byte{
		"as it is": tarOf(t, all()...),
		"with ./ and directories": tarOf(t, append([]tarEntry{directory("./"), directory("./blobs/"), directory("./blobs/sha256/")},
			each(all(), func(h *tar.Header) { h.Name = "./" + h.Name })...)...),
		"with odd slashes": tarOf(t, each(all(), func(h *tar.Header) { h.Name = ".//./" + strings.ReplaceAll(h.Name, "/", "//") })...),
		"PAX":              tarOf(t, each(all(), func(h *tar.Header) { h.Format, h.PAXRecords = tar.FormatPAX, map[string]string{"VENDOR.x": "y"} })...),
		"GNU":              tarOf(t, each(all(), func(h *tar.Header) { h.Format = tar.FormatGNU })...),
		"a hard link": tarOf(t, append(without, entryOf(layer, string(m.blobs[img.blobs[1].Digest])),
			link(tar.TypeLink, "./"+blobName(img.blobs[2].Digest), "./"+blobName(img.blobs[2].Digest)),
			entryOf(blobName(img.blobs[2].Digest), string(m.blobs[img.blobs[2].Digest])),
			link(tar.TypeLink, layer, layer))...),
		"duplicates, of which the last is right": tarOf(t, append([]tarEntry{
			entryOf("index.json", "{}"), entryOf("oci-layout", "{}"), entryOf(layer, "wrong"), link(tar.TypeSymlink, layer, "/etc/passwd"),
		}, all()...)...),
		"entries that are elsewhere": tarOf(t, append(all(),
			entryOf("../index.json", "{}"), entryOf("/index.json", "{}"), entryOf("blobs/../index.json", "{}"),
			tarEntry{Header: tar.Header{Name: "dev", Typeflag: tar.TypeChar}}, tarEntry{Header: tar.Header{Name: "pipe", Typeflag: tar.TypeFifo}})...),
		"docker save with a layout":     tarOf(t, append(all(), entryOf("manifest.json", "[]"), link(tar.TypeSymlink, "x/layer.tar", "../"+layer))...),
		"a long name":                   tarOf(t, append(all(), entryOf(strings.Repeat("a/", 50_000), "x").as(func(h *tar.Header) { h.Name += "b" }))...),
		"no blocks of zeros at the end": bytes.TrimSuffix(tarOf(t, all()...), make([]byte, 2*blockSize)),
		"something behind the end":      append(tarOf(t, all()...), tarOf(t, entryOf("index.json", "{}"))...),
	} {
		t.Run(name, func(t *testing.T) { assertHolds(t, save(t, b), "latest", m, img) })
	}
}

func TestWhatIsNoArchiveSaysWhatToDo(t *testing.T) {
	m := newMemory()
	img := m.image("one", 3000)
	all := func() []tarEntry { return entries(t, m, img) }
	whole := tarOf(t, all()...)
	for name, tc := range map[string]struct {
		b    []byte
		kind error
		says string
	}{
		"empty":             {nil, errdef.ErrUnsupportedManifest, "it is empty"},
		"zeros":             {make([]byte, 10240), errdef.ErrUnsupportedManifest, "it is empty"},
		"text":              {[]byte("hello"), errdef.ErrUnsupportedManifest, "not a tar archive"},
		"a page of HTML":    {bytes.Repeat([]byte("<html>"), 1000), errdef.ErrUnsupportedManifest, "not a tar archive"},
		"gzip":              {[]byte("\x1f\x8b\x08\x00"), errdef.ErrUnsupportedManifest, "gzip -dk"},
		"zstd":              {[]byte("\x28\xb5\x2f\xfd\x00"), errdef.ErrUnsupportedManifest, "zstd -dk"},
		"xz":                {[]byte("\xfd7zXZ\x00"), errdef.ErrUnsupportedManifest, "xz -dk"},
		"docker save":       {tarOf(t, entryOf("manifest.json", "[]"), entryOf("x.json", "{}")), errdef.ErrUnsupportedManifest, "skopeo copy docker://REF oci-archive:"},
		"another tar":       {tarOf(t, entryOf("notes.txt", "")), errdef.ErrUnsupportedManifest, "neither oci-layout nor index.json"},
		"no index.json":     {tarOf(t, entryOf("oci-layout", layoutFile)), errdef.ErrUnsupportedManifest, "no index.json"},
		"no oci-layout":     {tarOf(t, entryOf("index.json", "{}")), errdef.ErrUnsupportedManifest, "no file oci-layout"},
		"in a directory":    {tarOf(t, each(all(), func(h *tar.Header) { h.Name = "lay/out/" + h.Name })...), errdef.ErrUnsupportedManifest, "tar -C lay/out/"},
		"another version":   {tarOf(t, append(all(), entryOf("oci-layout", `{"imageLayoutVersion":"2.0.0"}`))...), errdef.ErrUnsupportedManifest, `version "2.0.0"`},
		"a broken version":  {tarOf(t, append(all(), entryOf("oci-layout", `<html>`))...), errdef.ErrUnsupportedManifest, "oci-layout"},
		"a broken index":    {tarOf(t, append(all(), entryOf("index.json", `[]`))...), errdef.ErrUnsupportedManifest, "index.json"},
		"a large index":     {tarOf(t, append(all(), entryOf("index.json", strings.Repeat(" ", 4<<20+1)))...), errdef.ErrTooLarge, "index.json of 4194305 bytes"},
		"an index by link":  {tarOf(t, append(all(), link(tar.TypeSymlink, "index.json", "/etc/passwd"))...), errdef.ErrUnsupportedManifest, "no regular file"},
		"a link to nothing": {tarOf(t, append(all(), link(tar.TypeLink, "index.json", "nothing"))...), errdef.ErrUnsupportedManifest, "hard link"},
		"a device":          {tarOf(t, append(all(), tarEntry{Header: tar.Header{Name: "index.json", Typeflag: tar.TypeChar}})...), errdef.ErrUnsupportedManifest, "no regular file"},
		"cut in a blob":     {whole[:len(whole)-4000], errdef.ErrVerification, "cut off"},
		"cut in a header":   {whole[:512+512+100], errdef.ErrVerification, "cut off"},
		"damaged":           {append(bytes.Clone(whole[:1024]), append(bytes.Repeat([]byte{'x'}, 512), whole[1536:]...)...), errdef.ErrVerification, "damaged after byte"},
	} {
		a, err := Open(t.Context(), save(t, tc.b), math.MaxInt64)
		if err == nil {
			_ = a.Close()
		}
		if !errors.Is(err, tc.kind) || !strings.Contains(err.Error(), tc.says) || len(err.Error()) > 600 {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestOnlyARegularFileIsRead(t *testing.T) {
	if _, err := Open(t.Context(), t.TempDir(), 1); !errors.Is(err, regular.ErrNotRegular) || !strings.Contains(err.Error(), "oci-layout:DIR") {
		t.Errorf("a directory: got %v", err)
	}
	if _, err := Open(t.Context(), filepath.Join(t.TempDir(), "absent"), 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing: got %v", err)
	}
	if runtime.GOOS != "windows" {
		if _, err := Open(t.Context(), os.DevNull, 1); !errors.Is(err, regular.ErrNotRegular) || !strings.Contains(err.Error(), "pipe") {
			t.Errorf("a device: got %v", err)
		}
	}
}

func TestABlobThatIsNotWhatItShouldBeIsAnError(t *testing.T) {
	m := newMemory()
	img := m.image("one", 300_000, 10, 100)
	all := entries(t, m, img)
	first, second, third := img.blobs[1], img.blobs[2], img.blobs[3]
	path := save(t, tarOf(t, append(all,
		entryOf(blobName(first.Digest), strings.Repeat("x", 300_000)), entryOf(blobName(second.Digest), "short"),
		link(tar.TypeSymlink, blobName(third.Digest), "x"))...))
	a := open(t, path)
	for _, tc := range []struct {
		d    v1.Descriptor
		kind error
	}{
		{first, errdef.ErrVerification},
		{second, errdef.ErrVerification},
		{third, errdef.ErrUnsupportedManifest},
		{v1.Descriptor{Digest: v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("0", 64)}}, errdef.ErrNotFound},
		{v1.Descriptor{Digest: v1.Hash{Algorithm: "..", Hex: "../index.json"}}, errdef.ErrNotFound},
	} {
		if r, err := a.Blob(t.Context(), tc.d); err == nil {
			_, err = io.ReadAll(r)
			if !errors.Is(err, tc.kind) {
				t.Errorf("Blob(%s): %v", tc.d.Digest, err)
			}
		} else if !errors.Is(err, tc.kind) {
			t.Errorf("Blob(%s): %v", tc.d.Digest, err)
		}
		into := &buffer{}
		if _, err := a.Download(t.Context(), tc.d, into); !errors.Is(err, tc.kind) || into.Len() > 0 {
			t.Errorf("Download(%s): %v, %d bytes are left", tc.d.Digest, err, into.Len())
		}
		if _, _, err := a.OpenBlob(t.Context(), tc.d.Digest); !errors.Is(err, tc.kind) {
			t.Errorf("OpenBlob(%s): %v", tc.d.Digest, err)
		}
	}
	if _, err := a.Manifest(t.Context(), "absent"); !errors.Is(err, errdef.ErrNotFound) {
		t.Errorf("an absent tag: got %v", err)
	}
}

func TestAnOpenBlobOfAnArchiveThatIsWrittenToIsNotReadOn(t *testing.T) {
	m, path := newMemory(), target(t)
	img := m.image("one", 20_000)
	mustWrite(t, path, m, img, "latest")
	f, size, err := open(t, path).OpenBlob(t.Context(), img.blobs[1].Digest)
	if err != nil {
		t.Fatal(err)
	}
	defer closeOf(t, f)
	if _, err := io.ReadFull(f, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	content := content(t, path)
	at := bytes.Index(content, m.blobs[img.blobs[1].Digest]) + int(size) - 1
	content[at] = ^content[at]
	if err := errors.Join(os.WriteFile(path, content, 0o666), // in place
		os.Chtimes(path, time.Now(), time.Now().Add(time.Second))); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(f); !errors.Is(err, errdef.ErrVerification) {
		t.Errorf("Read: %d bytes, %v", len(rest), err)
	}
	if n, err := f.ReadAt(make([]byte, 1), size-1); n > 0 || !errors.Is(err, errdef.ErrVerification) {
		t.Errorf("ReadAt: %d bytes, %v", n, err)
	}
}

func TestAnOpenBlobOfAnArchiveThatIsTouchedOrAppendedToIsReadOn(t *testing.T) {
	m, path := newMemory(), target(t)
	img := m.image("one", 20_000)
	mustWrite(t, path, m, img, "latest")
	f, _, err := open(t, path).OpenBlob(t.Context(), img.blobs[1].Digest)
	if err != nil {
		t.Fatal(err)
	}
	defer closeOf(t, f)
	first := make([]byte, 1)
	if _, err := io.ReadFull(f, first); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(path, append(content(t, path), make([]byte, 1024)...), 0o666), // in place
		os.Chtimes(path, time.Now(), time.Now().Add(time.Second))); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(f)
	if err != nil || !bytes.Equal(append(first, rest...), m.blobs[img.blobs[1].Digest]) {
		t.Errorf("%d bytes, %v", len(rest), err)
	}
}
