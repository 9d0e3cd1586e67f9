package ociarchive

import (
	"archive/tar"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// FuzzOpen reads all of an archive of any content. What is read as a blob has its digest.
func FuzzOpen(f *testing.F) {
	m := newMemory()
	img := m.image("one", 600, 0)
	f.Add(tarOf(f, entries(f, m, img)...))
	f.Add(tarOf(f, each(entries(f, m, img), func(h *tar.Header) { h.Name, h.Format = "./"+h.Name, tar.FormatPAX })...))
	f.Add(append(tarOf(f, link(tar.TypeLink, "index.json", "oci-layout")), sparse(f, blobName(img.blobs[1].Digest), "1\n0\n512\n")...))
	f.Add(sparse(f, "index.json", "1\n0\n512\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "archive.tar")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		a, err := Open(t.Context(), path, math.MaxInt64)
		if err != nil {
			return
		}
		defer closeOf(t, a)
		tags, err := a.Tags(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, tag := range tags {
			if m, err := a.Manifest(t.Context(), tag); err == nil {
				if _, err := a.Referrers(t.Context(), m.Descriptor.Digest); err != nil {
					t.Log(err)
				}
			}
		}
		for _, s := range a.contents.inOrder() {
			r, err := a.Blob(t.Context(), v1.Descriptor{Digest: s.digest, Size: s.size})
			if err != nil {
				continue
			}
			content, err := io.ReadAll(r)
			if err != nil {
				continue
			}
			hash, err := v1.Hasher(s.digest.Algorithm)
			if err != nil {
				t.Fatal(err)
			}
			hash.Write(content)
			if got := hexOf(hash.Sum(nil)); got != s.digest.Hex {
				t.Errorf("%s was read as %s", got, s.digest)
			}
		}
	})
}

// FuzzResume continues a partial archive of any content.
func FuzzResume(f *testing.F) {
	m := newMemory()
	img := m.image("one", 600, 0)
	var b []byte
	for _, d := range img.blobs {
		h, err := header(blobName(d.Digest), d.Size)
		if err != nil {
			f.Fatal(err)
		}
		b = append(append(b, h...), m.blobs[d.Digest]...)
		b = append(b, make([]byte, padded(int64(len(b)))-int64(len(b)))...)
	}
	f.Add(b)
	f.Add(b[:len(b)-700])
	f.Add(tarOf(f, entries(f, m, img)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "archive.tar")
		if err := os.WriteFile(partialPath(path), b, 0o600); err != nil {
			t.Fatal(err)
		}
		w, err := newWriter(t.Context(), loose{osDisk{}}, path, 1<<20, silent())
		if err != nil {
			t.Fatal(err)
		}
		defer closeOf(t, w)
		if err := putImage(t.Context(), w, m, img, "latest"); err != nil {
			t.Fatal(err)
		}
		if err := w.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		assertHolds(t, path, "latest", m, img)
	})
}
