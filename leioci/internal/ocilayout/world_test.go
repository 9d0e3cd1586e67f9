package ocilayout_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/ocilayout"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

// The artifact in the layouts under testdata.
const artifact = "sha256:47619040fe35f99f36f95366e4f40022ae9c74f343957e394aa91f5860adef4a"

func open(t *testing.T, dir string) *ocilayout.Layout {
	t.Helper()
	l, err := ocilayout.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func silent() logrus.FieldLogger {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return log
}

func newWriter(t *testing.T, dir string) *ocilayout.Writer {
	t.Helper()
	w, err := ocilayout.NewWriter(t.Context(), dir, silent())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, w.Close()) })
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// copyOf returns a copy of a layout under testdata, to be changed.
func copyOf(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	must(t, os.CopyFS(dir, os.DirFS(filepath.Join("testdata", name))))
	return dir
}

// blobFile returns the path of a blob in a layout.
func blobFile(dir string, digest v1.Hash) string {
	return filepath.Join(dir, "blobs", digest.Algorithm, digest.Hex)
}

// put copies the manifest that id names, with what belongs to it, and gives it tags.
func put(ctx context.Context, w store.Writer, from store.Reader, id string, tags ...string) error {
	m, err := from.Manifest(ctx, id)
	if err != nil {
		return err
	}
	kind, err := manifest.ParseAny(m.Raw, m.Descriptor.MediaType)
	if err != nil {
		return err
	}
	for _, d := range kind.Children {
		if err := put(ctx, w, from, d.Digest.String()); err != nil {
			return err
		}
	}
	for _, d := range kind.Blobs {
		if err := w.PutBlob(ctx, d, from); err != nil {
			return err
		}
	}
	return w.PutManifest(ctx, m, tags...)
}

// putAll copies everything that a reader has.
func putAll(ctx context.Context, w store.Writer, from store.Reader) error {
	tags, err := from.Tags(ctx)
	if err != nil {
		return err
	}
	for _, tag := range tags {
		if err := put(ctx, w, from, tag, tag); err != nil {
			return err
		}
	}
	return w.Commit(ctx)
}

// A memory is a [store.Reader] of blobs in memory.
type memory struct {
	blobs    map[v1.Hash][]byte
	read     int64  // bytes that downloads read
	interval func() // is called before each piece of a download
	breakAt  int64  // downloads break off there, unless it is 0
}

var errBroken = errors.New("the line is broken")

func (m *memory) String() string { return "memory" }

func (m *memory) Manifest(context.Context, string) (*store.Manifest, error) {
	return nil, errors.ErrUnsupported
}

func (m *memory) Blob(context.Context, v1.Descriptor) (io.ReadCloser, error) {
	return nil, errors.ErrUnsupported
}

func (m *memory) Tags(context.Context) ([]string, error) { return nil, errors.ErrUnsupported }

func (m *memory) Referrers(context.Context, v1.Hash) ([]v1.Descriptor, error) {
	return nil, errors.ErrUnsupported
}

// Download implements [store.Reader], piece by piece.
func (m *memory) Download(ctx context.Context, d v1.Descriptor, into store.Partial) (int64, error) {
	content, ok := m.blobs[d.Digest]
	if !ok {
		return 0, fmt.Errorf("%s: %w", d.Digest, fs.ErrNotExist)
	}
	fetched, err := ocilayout.Fill(ctx, d, &broken{bytes.NewReader(content), m}, into)
	m.read += fetched
	return fetched, err
}

type broken struct {
	io.ReaderAt
	m *memory
}

func (b *broken) ReadAt(p []byte, offset int64) (int, error) {
	if b.m.interval != nil {
		b.m.interval()
	}
	if len(p) > 1000 {
		p = p[:1000]
	}
	if b.m.breakAt > 0 && offset >= b.m.breakAt {
		return 0, errBroken
	}
	return b.ReaderAt.ReadAt(p, offset)
}

// blob keeps a blob of n bytes that differ by seed.
func (m *memory) blob(n int, seed byte) v1.Descriptor {
	content := make([]byte, n)
	for i := range content {
		content[i] = byte(i*7) ^ seed
	}
	sum := sha256.Sum256(content)
	digest := v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}
	if m.blobs == nil {
		m.blobs = map[v1.Hash][]byte{}
	}
	m.blobs[digest] = content
	return v1.Descriptor{MediaType: "application/octet-stream", Size: int64(n), Digest: digest}
}

// files returns the names in a directory and below, without blobs.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	must(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if filepath.Dir(name) != filepath.Join("blobs", "sha256") {
			names = append(names, filepath.ToSlash(name))
		}
		return err
	}))
	return names
}
