package ocilayout_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/random"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/ocilayout"
)

func TestASignedLayoutIsRead(t *testing.T) {
	l := open(t, filepath.Join("testdata", "both"))
	list := "sha256-" + strings.TrimPrefix(artifact, "sha256:")
	tags, err := l.Tags(t.Context())
	if err != nil || !slices.Equal(tags, []string{list + ".sig", list, "latest"}) {
		t.Errorf("the tags are %q, %v", tags, err)
	}
	if id, err := l.Default(t.Context()); id != "latest" || err != nil {
		t.Errorf("the default is %q, %v", id, err)
	}
	m, err := l.Manifest(t.Context(), "latest")
	if err != nil || m.Descriptor.Digest.String() != artifact {
		t.Fatalf("got %v, %v", m, err)
	}
	all, err := l.Referrers(t.Context(), m.Descriptor.Digest)
	if err != nil || len(all) != 1 || all[0].ArtifactType != "application/vnd.dev.sigstore.bundle.v0.3+json" ||
		all[0].Annotations["dev.sigstore.bundle.content"] != "dsse-envelope" {
		t.Fatalf("the referrers are %+v, %v", all, err)
	}
	if _, err := l.Manifest(t.Context(), all[0].Digest.String()); err != nil {
		t.Error(err)
	}
}

func TestALayoutIsReadAsItsWriterWroteIt(t *testing.T) {
	dir := t.TempDir()
	path, err := layout.Write(dir, empty.Index)
	must(t, err)
	img, err := random.Image(5000, 3)
	must(t, err)
	index, err := random.Index(100, 2, 2)
	must(t, err)
	must(t, path.AppendImage(img, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": "v1"})))
	must(t, path.AppendIndex(index, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": "v2"})))
	l := open(t, dir)
	for tag, theirs := range map[string]interface{ RawManifest() ([]byte, error) }{"v1": img, "v2": index} {
		want, err := theirs.RawManifest()
		must(t, err)
		if m, err := l.Manifest(t.Context(), tag); err != nil || !bytes.Equal(m.Raw, want) {
			t.Errorf("%s: got %v, %v", tag, m, err)
		}
	}
	im, err := index.IndexManifest()
	must(t, err)
	for _, d := range im.Manifests {
		if m, err := l.Manifest(t.Context(), d.Digest.String()); err != nil || m.Descriptor.Size != d.Size {
			t.Errorf("got %v, %v", m, err)
		}
	}
	layers, err := img.Layers()
	must(t, err)
	for _, layer := range layers {
		digest, err := layer.Digest()
		must(t, err)
		rc, err := layer.Compressed()
		must(t, err)
		want, err := io.ReadAll(rc)
		must(t, errors.Join(err, rc.Close()))
		if got := read(t, l, v1.Descriptor{Digest: digest, Size: int64(len(want))}); !bytes.Equal(got, want) {
			t.Error("a layer is another")
		}
		f, size, err := l.OpenBlob(t.Context(), digest)
		must(t, err)
		got := make([]byte, 10)
		if _, err := f.ReadAt(got, 7); err != nil || size != int64(len(want)) || !bytes.Equal(got, want[7:17]) {
			t.Errorf("got %x, %d, %v", got, size, err)
		}
		must(t, f.Close())
	}
}

func read(t *testing.T, l *ocilayout.Layout, d v1.Descriptor) []byte {
	t.Helper()
	rc, err := l.Blob(t.Context(), d)
	must(t, err)
	defer rc.Close()
	got, err := io.ReadAll(rc)
	must(t, err)
	return got
}

func TestWhatIsNoLayoutIsRefusedAndTheErrorSaysWhy(t *testing.T) {
	type files map[string]string
	const index = `{"schemaVersion":2,"manifests":[]}`
	for name, tc := range map[string]struct {
		files files
		err   error
		says  string
	}{
		"an empty directory":    {files{}, errdef.ErrUnsupportedManifest, "no file oci-layout"},
		"a snapshot":            {files{"manifest.json": "{}", "cache.jsonl.gz": ""}, errdef.ErrUnsupportedManifest, "no file oci-layout"},
		"no oci-layout":         {files{"index.json": index}, errdef.ErrUnsupportedManifest, "has a file index.json, but no file oci-layout"},
		"another version":       {files{"oci-layout": `{"imageLayoutVersion":"2.0.0"}`, "index.json": index}, errdef.ErrUnsupportedManifest, `"2.0.0", want "1.0.0"`},
		"no version":            {files{"oci-layout": `{}`, "index.json": index}, errdef.ErrUnsupportedManifest, "imageLayoutVersion"},
		"a malformed marker":    {files{"oci-layout": `1.0.0`, "index.json": index}, errdef.ErrUnsupportedManifest, "malformed"},
		"a huge marker":         {files{"oci-layout": ocilayout.Marker + strings.Repeat(" ", 5000), "index.json": index}, errdef.ErrUnsupportedManifest, "4096"},
		"no index.json":         {files{"oci-layout": ocilayout.Marker}, errdef.ErrNotFound, "index.json"},
		"an empty index.json":   {files{"oci-layout": ocilayout.Marker, "index.json": ""}, errdef.ErrUnsupportedManifest, "interrupted"},
		"a cut index.json":      {files{"oci-layout": ocilayout.Marker, "index.json": index[:20]}, errdef.ErrUnsupportedManifest, "index.json"},
		"a huge index.json":     {files{"oci-layout": ocilayout.Marker, "index.json": index + strings.Repeat(" ", 5<<20)}, errdef.ErrTooLarge, "index.json"},
		"an ambiguous index":    {files{"oci-layout": ocilayout.Marker, "index.json": `{"manifests":[],"Manifests":[]}`}, errdef.ErrUnsupportedManifest, "index.json"},
		"an image's index.json": {files{"oci-layout": ocilayout.Marker, "index.json": `{"config":{},"layers":[]}`}, errdef.ErrUnsupportedManifest, "index.json"},
	} {
		dir := t.TempDir()
		for file, content := range tc.files {
			must(t, os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600))
		}
		if _, err := ocilayout.Open(t.Context(), dir); !errors.Is(err, tc.err) || !strings.Contains(err.Error(), tc.says) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := ocilayout.Open(t.Context(), filepath.Join(t.TempDir(), "absent")); !errors.Is(err, errdef.ErrNotFound) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("absent: got %v", err)
	}
	file := filepath.Join(t.TempDir(), "file.tar")
	must(t, os.WriteFile(file, nil, 0o600))
	if _, err := ocilayout.Open(t.Context(), file); !errors.Is(err, errdef.ErrUnsupportedManifest) || !strings.Contains(err.Error(), "oci-archive:"+file) {
		t.Errorf("a file: got %v", err)
	}
}

func TestAnOpenLayoutSeesWhatIsWrittenToItAndPutInItsPlace(t *testing.T) {
	dir := copyOf(t, "both")
	l := open(t, dir)
	if _, err := l.Manifest(t.Context(), "latest"); err != nil {
		t.Fatal(err)
	}
	w := newWriter(t, dir)
	must(t, put(t.Context(), w, l, "latest", "v1"))
	must(t, w.Commit(t.Context()))
	if _, err := l.Manifest(t.Context(), "v1"); err != nil {
		t.Error(err)
	}
	must(t, os.Rename(dir, dir+".old"))
	if _, err := l.Manifest(t.Context(), "v1"); !errors.Is(err, errdef.ErrNotFound) {
		t.Errorf("moved away: got %v", err)
	}
	must(t, os.Rename(copyOf(t, "att"), dir))
	if _, err := l.Manifest(t.Context(), "v1"); !errors.Is(err, errdef.ErrNotFound) {
		t.Errorf("replaced: got %v", err)
	}
	if _, err := l.Manifest(t.Context(), "latest"); err != nil {
		t.Errorf("replaced: got %v", err)
	}
}
