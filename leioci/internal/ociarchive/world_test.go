package ociarchive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

// A memory is a place that keeps artifacts in memory, and may fail.
type memory struct {
	blobs   map[v1.Hash][]byte
	cut     int64                 // a download breaks off after so many bytes, unless that is 0
	fetched int64                 // by downloads
	before  func(d v1.Descriptor) // called before each download
}

var errCut = errors.New("the connection broke")

func newMemory() *memory { return &memory{blobs: map[v1.Hash][]byte{}} }

func (m *memory) String() string { return "a memory" }

func (m *memory) add(content []byte) v1.Descriptor {
	digest, size, err := v1.SHA256(bytes.NewReader(content))
	if err != nil {
		panic(err)
	}
	m.blobs[digest] = content
	return v1.Descriptor{MediaType: types.OCILayer, Digest: digest, Size: size}
}

func (m *memory) Manifest(context.Context, string) (*store.Manifest, error) {
	return nil, errdef.ErrNotFound
}

func (m *memory) Tags(context.Context) ([]string, error) { return nil, nil }

func (m *memory) Referrers(context.Context, v1.Hash) ([]v1.Descriptor, error) { return nil, nil }

func (m *memory) Blob(_ context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(m.blobs[d.Digest])), nil
}

// Download appends what is missing, in small pieces, as a registry's client does.
func (m *memory) Download(ctx context.Context, d v1.Descriptor, into store.Partial) (int64, error) {
	if m.before != nil {
		m.before(d)
	}
	content, ok := m.blobs[d.Digest]
	if !ok {
		return 0, fmt.Errorf("%w: %s", errdef.ErrNotFound, d.Digest)
	}
	held, err := io.ReadAll(into.Content())
	if err != nil {
		return 0, err
	}
	if int64(len(held)) != into.Size() {
		return 0, fmt.Errorf("%d bytes are held, Size says %d", len(held), into.Size())
	}
	if !bytes.HasPrefix(content, held) {
		if err := into.Reset(); err != nil {
			return 0, err
		}
		held = nil
	}
	var n int64
	for rest := content[len(held):]; len(rest) > 0; {
		if err := context.Cause(ctx); err != nil {
			return n, err
		}
		piece := rest[:min(1000, len(rest))]
		if m.cut > 0 && n+int64(len(piece)) > m.cut {
			return n, errCut
		}
		if _, err := into.Write(piece); err != nil {
			return n, err
		}
		n += int64(len(piece))
		m.fetched += int64(len(piece))
		rest = rest[len(piece):]
	}
	return n, nil
}

// An image is an artifact of a memory.
type image struct {
	manifest *store.Manifest
	blobs    []v1.Descriptor
}

// image adds an artifact whose layers have these sizes, and content that depends on a name.
func (m *memory) image(name string, sizes ...int) image {
	config := m.add([]byte(fmt.Sprintf(`{"name":%q}`, name)))
	img := image{blobs: []v1.Descriptor{config}}
	manifest := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: config, Layers: []v1.Descriptor{}}
	for i, size := range sizes {
		layer := bytes.Repeat([]byte(fmt.Sprintf("%s layer %d.", name, i)), size/8+1)[:size]
		d := m.add(layer)
		manifest.Layers = append(manifest.Layers, d)
		img.blobs = append(img.blobs, d)
	}
	raw, err := json.Marshal(manifest)
	if err != nil {
		panic(err)
	}
	d := m.add(raw)
	d.MediaType = types.OCIManifestSchema1
	img.manifest = &store.Manifest{Descriptor: d, Raw: raw}
	return img
}

func silent() logrus.FieldLogger {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return log
}

func target(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "archive.tar")
}

// put puts an artifact as a copy does.
func putImage(ctx context.Context, w *Writer, from store.Reader, img image, tags ...string) error {
	for _, d := range img.blobs {
		has, err := w.HasBlob(ctx, d)
		if err == nil && !has {
			err = w.PutBlob(ctx, d, from)
		}
		if err != nil {
			return err
		}
	}
	return w.PutManifest(ctx, img.manifest, tags...)
}

// write writes an artifact to an archive.
func write(ctx context.Context, dk disk, path string, from store.Reader, img image, tags ...string) (err error) {
	w, err := newWriter(ctx, dk, path, math.MaxInt64, silent())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	if err := putImage(ctx, w, from, img, tags...); err != nil {
		return err
	}
	return w.Commit(ctx)
}

func mustWrite(t *testing.T, path string, from store.Reader, img image, tags ...string) {
	t.Helper()
	if err := write(t.Context(), loose{osDisk{}}, path, from, img, tags...); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, path string) *Archive {
	t.Helper()
	a, err := Open(t.Context(), path, math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeOf(t, a) })
	return a
}

// assertHolds fails unless an archive has an artifact under a tag, and all of its blobs.
func assertHolds(t *testing.T, path, tag string, from *memory, img image) {
	t.Helper()
	a, err := Open(t.Context(), path, math.MaxInt64)
	if err != nil {
		t.Error(err)
		return
	}
	defer closeOf(t, a)
	m, err := a.Manifest(t.Context(), tag)
	if err != nil || m.Descriptor.Digest != img.manifest.Descriptor.Digest || !bytes.Equal(m.Raw, img.manifest.Raw) {
		t.Errorf("%s is %v, %v", tag, m, err)
		return
	}
	for _, d := range img.blobs {
		r, err := a.Blob(t.Context(), d)
		if err != nil {
			t.Error(err)
			continue
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, from.blobs[d.Digest]) {
			t.Errorf("%s has %d bytes, %v", d.Digest, len(got), err)
		}
	}
}

// beside returns the names of the hidden files beside a target.
func beside(t *testing.T, path string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names
}

func content(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func closeOf(t *testing.T, c io.Closer) {
	t.Helper()
	if err := c.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
		t.Error(err)
	}
}
