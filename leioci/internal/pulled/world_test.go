package pulled_test

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/internal/artifact"
	"github.com/lowendinsight/lei-go/leioci/internal/pulled"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

var (
	saturday = time.Date(2026, 2, 7, 0, 0, 0, 0, time.UTC)
	sunday   = saturday.AddDate(0, 0, 1)
)

const report = `{"data":{"repo":"https://example.org/a","risk":"low"}}`

// A world is a directory that snapshots are pulled into.
type world struct {
	t   *testing.T
	dir string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{t, filepath.Join(t.TempDir(), "lei")}
}

// pull puts a snapshot in the directory's place, in two steps, and returns its manifest. An empty
// config is the one that is made of manifest.json.
func (w *world) pull(date time.Time, config string, reports ...string) (*v1.Manifest, v1.Hash) {
	w.t.Helper()
	dir := leiocitest.WriteSnapshot(w.t, date, reports...)
	meta, err := snapshot.ReadMetadata(must(os.Open(filepath.Join(dir, "manifest.json")))(w.t))
	check(w.t, err)
	if config == "" {
		config = string(must(artifact.MakeConfig(meta.LEIVersion, meta.Created, meta.EntryCount))(w.t))
	}
	write(w.t, dir, "config.json", config)
	m := &v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1,
		Config: describe(w.t, dir, "config.json", artifact.MediaTypeConfig),
	}
	for _, l := range artifact.LayerFiles() {
		m.Layers = append(m.Layers, describe(w.t, dir, l.Name, l.MediaType))
	}
	raw := must(json.Marshal(m))(w.t)
	write(w.t, dir, "oci-manifest.json", string(raw))
	if _, err := os.Stat(w.dir); err == nil {
		check(w.t, os.RemoveAll(w.dir+".old"))
		check(w.t, os.Rename(w.dir, w.dir+".old"))
	}
	check(w.t, os.Rename(dir, w.dir))
	check(w.t, os.RemoveAll(w.dir+".old"))
	return m, describe(w.t, w.dir, "oci-manifest.json", "").Digest
}

// open opens the directory until the test ends.
func (w *world) open() *pulled.Dir {
	w.t.Helper()
	d := must(pulled.Open(w.t.Context(), w.dir, tagsOf))(w.t)
	w.t.Cleanup(func() { check(w.t, d.Close()) })
	return d
}

// read reads a blob.
func (w *world) read(d *pulled.Dir, digest v1.Hash) (string, error) {
	f, size, err := d.OpenBlob(w.t.Context(), digest)
	if err != nil {
		return "", err
	}
	defer func() { check(w.t, f.Close()) }()
	content, err := io.ReadAll(f)
	if err == nil && int64(len(content)) != size {
		w.t.Errorf("%d bytes, said to be %d", len(content), size)
	}
	return string(content), err
}

func tagsOf(date time.Time) []string { return []string{date.Format(time.DateOnly), "latest"} }

func describe(t *testing.T, dir, name string, mediaType types.MediaType) v1.Descriptor {
	t.Helper()
	f := must(os.Open(filepath.Join(dir, name)))(t)
	defer f.Close()
	digest, size, err := v1.SHA256(f)
	check(t, err)
	return v1.Descriptor{MediaType: mediaType, Digest: digest, Size: size}
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	check(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
}

func content(t *testing.T, dir, name string) string {
	t.Helper()
	return string(must(os.ReadFile(filepath.Join(dir, name)))(t))
}

func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		check(t, err)
		return value
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
