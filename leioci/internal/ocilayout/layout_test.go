package ocilayout_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
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

// everyWay reads a blob by every function that can, and returns their errors.
func everyWay(ctx context.Context, l *ocilayout.Layout, d v1.Descriptor) map[string]error {
	errs := map[string]error{}
	rc, err := l.Blob(ctx, d)
	if err == nil {
		_, err = io.ReadAll(rc)
		err = errors.Join(err, rc.Close())
	}
	errs["Blob"] = err
	f, _, err := l.OpenBlob(ctx, d.Digest)
	if err == nil {
		err = f.Close()
	}
	errs["OpenBlob"] = err
	into := &partial{}
	_, err = l.Download(ctx, d, into)
	if err != nil && len(into.all) == int(d.Size) {
		err = errors.New("a download that failed is complete")
	}
	errs["Download"] = err
	return errs
}

func TestABlobThatIsNotWhatItsNameSaysIsNotRead(t *testing.T) {
	digest, err := v1.NewHash("sha256:dd5b3a8a2b1b696df81992c1aa331758a88eb5f0ee5b3ee7fe59a2e758f2d3bd")
	must(t, err)
	d := v1.Descriptor{Digest: digest, Size: 106}
	content, err := os.ReadFile(blobFile(filepath.Join("testdata", "both"), digest))
	must(t, err)
	other := bytes.Replace(content, []byte("200"), []byte("201"), 1)
	for name, tc := range map[string]struct {
		content []byte
		want    error
	}{
		"it":            {content, nil},
		"another":       {other, errdef.ErrVerification},
		"a shorter one": {content[:50], errdef.ErrVerification},
		"a longer one":  {append(bytes.Clone(content), ' '), errdef.ErrVerification},
		"an empty one":  {nil, errdef.ErrVerification},
	} {
		dir := copyOf(t, "both")
		must(t, os.WriteFile(blobFile(dir, digest), tc.content, 0o600))
		for by, err := range everyWay(t.Context(), open(t, dir), d) {
			if !errors.Is(err, tc.want) {
				t.Errorf("%s: %s returned %v", name, by, err)
			}
		}
	}
	dir := copyOf(t, "both")
	l := open(t, dir)
	everyWay(t.Context(), l, d)
	must(t, os.Remove(blobFile(dir, digest)))
	must(t, os.WriteFile(blobFile(dir, digest), other, 0o600)) // after it was found intact
	for by, err := range everyWay(t.Context(), l, d) {
		if !errors.Is(err, errdef.ErrVerification) {
			t.Errorf("exchanged: %s returned %v", by, err)
		}
	}
	must(t, os.Remove(blobFile(dir, digest)))
	for by, err := range everyWay(t.Context(), l, d) {
		if !errors.Is(err, errdef.ErrNotFound) {
			t.Errorf("removed: %s returned %v", by, err)
		}
	}
	must(t, os.Mkdir(blobFile(dir, digest), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, "secret"), content, 0o600))
	for _, bad := range []v1.Hash{digest, {Algorithm: "sha256", Hex: "../../secret"}, {Algorithm: "../x", Hex: digest.Hex}, {}} {
		for by, err := range everyWay(t.Context(), l, v1.Descriptor{Digest: bad, Size: 106}) {
			if err == nil {
				t.Errorf("%s reads %s", by, bad)
			}
		}
	}
}

func TestALinkOutOfALayoutIsNotFollowed(t *testing.T) {
	digest, err := v1.NewHash("sha256:dd5b3a8a2b1b696df81992c1aa331758a88eb5f0ee5b3ee7fe59a2e758f2d3bd")
	must(t, err)
	dir, elsewhere := copyOf(t, "both"), copyOf(t, "both")
	l := open(t, dir)
	must(t, os.Remove(blobFile(dir, digest)))
	must(t, os.Symlink(blobFile(elsewhere, digest), blobFile(dir, digest)))
	for by, err := range everyWay(t.Context(), l, v1.Descriptor{Digest: digest, Size: 106}) {
		if err == nil {
			t.Errorf("%s follows it", by)
		}
	}
	must(t, os.Remove(filepath.Join(dir, "index.json")))
	must(t, os.Symlink(filepath.Join(elsewhere, "index.json"), filepath.Join(dir, "index.json")))
	if _, err := ocilayout.Open(t.Context(), dir); err == nil {
		t.Error("index.json is followed")
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

func TestABlobIsOpenedByManyAtOnce(t *testing.T) {
	l := open(t, filepath.Join("testdata", "both"))
	digest, err := v1.NewHash("sha256:1d87a087be8daef784752e6dc16cf995441a77b3156ff980ba5caa67f06c71ce")
	must(t, err)
	var group sync.WaitGroup
	for range 64 {
		group.Go(func() {
			f, size, err := l.OpenBlob(t.Context(), digest)
			if err != nil || size != 62724 {
				t.Errorf("got %d, %v", size, err)
				return
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

func TestReadingEndsWithItsContext(t *testing.T) {
	l := open(t, filepath.Join("testdata", "both"))
	digest, err := v1.NewHash("sha256:1d87a087be8daef784752e6dc16cf995441a77b3156ff980ba5caa67f06c71ce")
	must(t, err)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errBroken)
	for by, err := range everyWay(ctx, l, v1.Descriptor{Digest: digest, Size: 62724}) {
		if !errors.Is(err, errBroken) {
			t.Errorf("%s returned %v", by, err)
		}
	}
}

// A partial is a [store.Partial] in memory.
type partial struct {
	held, all []byte
	resets    int
}

func holding(held []byte) *partial { return &partial{held: held, all: bytes.Clone(held)} }

func (p *partial) Size() int64        { return int64(len(p.held)) }
func (p *partial) Content() io.Reader { return bytes.NewReader(p.held) }

func (p *partial) Write(b []byte) (int, error) {
	p.all = append(p.all, b...)
	return len(b), nil
}

func (p *partial) Reset() error {
	p.held, p.all = nil, nil
	p.resets++
	return nil
}

func TestADownloadContinuesWhatIsRight(t *testing.T) {
	digest, err := v1.NewHash("sha256:1d87a087be8daef784752e6dc16cf995441a77b3156ff980ba5caa67f06c71ce")
	must(t, err)
	dir := filepath.Join("testdata", "both")
	content, err := os.ReadFile(blobFile(dir, digest))
	must(t, err)
	size := int64(len(content))
	for name, tc := range map[string]struct {
		held    []byte
		fetched int64
	}{
		"nothing":          {nil, size},
		"a byte":           {content[:1], size - 1},
		"nearly all":       {content[:size-1], 1},
		"all":              {content, 0},
		"more":             {append(bytes.Clone(content), 0), size},
		"something else":   {make([]byte, 100), 2*size - 100},
		"as much, not it":  {make([]byte, size), size},
		"one wrong at end": {append(bytes.Clone(content[:size-1]), ^content[size-1]), size},
	} {
		into := holding(tc.held)
		fetched, err := open(t, dir).Download(t.Context(), v1.Descriptor{Digest: digest, Size: size}, into)
		if err != nil || fetched != tc.fetched || !bytes.Equal(into.all, content) {
			t.Errorf("%s: fetched %d, want %d, %v", name, fetched, tc.fetched, err)
		}
	}
}
