package leioci_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func packageSample(t testing.TB, opts ...leioci.PackageOption) v1.Image {
	t.Helper()
	img, err := leioci.Package(t.Context(), sampleDir, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestPackageGivesTheOriginalsLayers(t *testing.T) {
	m, err := packageSample(t).Manifest()
	if err != nil {
		t.Fatal(err)
	}
	want := []v1.Descriptor{
		{MediaType: "application/vnd.lei.cache.manifest+json", Size: 10498, Annotations: map[string]string{"org.opencontainers.image.title": "manifest.json"}},
		{MediaType: "application/vnd.lei.cache.jsonl+gzip", Size: 62724, Annotations: map[string]string{"org.opencontainers.image.title": "cache.jsonl.gz"}},
	}
	for i, digest := range []string{sampleManifest, sampleCache} {
		want[i].Digest, err = v1.NewHash(digest)
		if err != nil {
			t.Fatal(err)
		}
	}
	assertJSON(t, m.Layers, want)
}

func TestPackageWritesTheWireFormat(t *testing.T) {
	img := packageSample(t)
	raw, err := img.RawManifest()
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	if m["schemaVersion"] != 2.0 || m["mediaType"] != "application/vnd.oci.image.manifest.v1+json" {
		t.Errorf("got %s", raw)
	}
	if _, ok := m["artifactType"]; ok {
		t.Error("there is an artifactType, which some registries refuse")
	}
	assertJSON(t, m["annotations"], map[string]string{
		"org.opencontainers.image.created":     "2026-11-23T15:40:56.323271Z", // manifest.json's
		"org.opencontainers.image.version":     "2026-02-08",
		"org.opencontainers.image.title":       "lei-cache",
		"org.opencontainers.image.description": "LEI analysis cache snapshot",
	})
	config, err := img.RawConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"lei_version":"0.9.1","format_version":"1.0","created":"2026-11-23T15:40:56.323271Z","cache_entries":200}`
	if string(config) != want {
		t.Errorf("got config %s, want %s", config, want)
	}
	if mt := m["config"].(map[string]any)["mediaType"]; mt != "application/vnd.lei.cache.config.v1+json" {
		t.Errorf("got config type %s", mt)
	}
}

func TestPackageGivesTheSameDigestEveryTime(t *testing.T) {
	want, err := packageSample(t).Digest()
	if err != nil {
		t.Fatal(err)
	}
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(sampleDir)); err != nil { // different times, and files that are not part of a snapshot
		t.Fatal(err)
	}
	img, err := leioci.Package(t.Context(), copied)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := img.Digest(); err != nil || got != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

func TestPackageOptionsChangeWhatIsWritten(t *testing.T) {
	img := packageSample(t,
		leioci.Created(time.Date(2030, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))),
		leioci.LEIVersion("1.0.0"),
		leioci.Annotations(map[string]string{"org.opencontainers.image.vendor": "Example", "org.opencontainers.image.title": "other"}),
	)
	m, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	assertJSON(t, m.Annotations, map[string]string{
		"org.opencontainers.image.created":     "2030-01-02T02:04:05.000000Z",
		"org.opencontainers.image.version":     "2026-02-08",
		"org.opencontainers.image.title":       "other",
		"org.opencontainers.image.description": "LEI analysis cache snapshot",
		"org.opencontainers.image.vendor":      "Example",
	})
	config, err := img.RawConfigFile()
	if err != nil || string(config) != `{"lei_version":"1.0.0","format_version":"1.0","created":"2030-01-02T02:04:05.000000Z","cache_entries":200}` {
		t.Errorf("got %s, %v", config, err)
	}
}

func TestPackageRefusesWhatIsNoSnapshot(t *testing.T) {
	for name, prepare := range map[string]func(dir string) error{
		"nothing":            func(dir string) error { return os.Remove(dir) },
		"an empty directory": func(string) error { return nil },
		"no cache":           func(dir string) error { return link(dir, "manifest.json") },
		"no manifest":        func(dir string) error { return link(dir, "cache.jsonl.gz") },
		"an unrelated manifest": func(dir string) error {
			return errors.Join(link(dir, "cache.jsonl.gz"), os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(`{"name":"npm"}`), 0o600))
		},
		"a directory for a cache": func(dir string) error {
			return errors.Join(link(dir, "manifest.json"), os.Mkdir(filepath.Join(dir, "cache.jsonl.gz"), 0o700))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := prepare(dir); err != nil {
				t.Fatal(err)
			}
			if _, err := leioci.Package(t.Context(), dir); !errors.Is(err, leioci.ErrNotSnapshot) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// link copies a file of the sample to dir.
func link(dir, name string) error {
	data, err := os.ReadFile(filepath.Join(sampleDir, name))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name), data, 0o600)
}

func TestGoContainerregistryAcceptsAPackagedImage(t *testing.T) {
	img := packageSample(t)
	want, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	t.Run("remote.Write", func(t *testing.T) {
		reg := leiocitest.NewRegistry(t)
		ref := repository(t, reg).Tag("2026-02-08")
		if err := remote.Write(ref, img, remote.WithContext(t.Context())); err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), "new")
		res, err := newClient(t).PullSnapshot(t.Context(), ref, dir)
		if err != nil || res.Ref.DigestStr() != want.String() {
			t.Fatalf("got %+v, %v", res, err)
		}
		assertSame(t, sampleDir, dir, "manifest.json", "cache.jsonl.gz")
	})
	t.Run("layout.AppendImage", func(t *testing.T) {
		path, err := layout.FromPath(emptyLayout(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := path.AppendImage(img); err != nil {
			t.Fatal(err)
		}
		kept, err := path.Image(want)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), "new")
		if _, err := leioci.Unpack(t.Context(), kept, dir); err != nil {
			t.Fatal(err)
		}
		assertSame(t, sampleDir, dir, "manifest.json", "cache.jsonl.gz")
	})
	t.Run("a layer is its file", func(t *testing.T) {
		layers, err := img.Layers()
		if err != nil {
			t.Fatal(err)
		}
		rc, err := layers[1].Compressed()
		if err != nil {
			t.Fatal(err)
		}
		defer rc.Close()
		if _, ok := rc.(*os.File); !ok {
			t.Errorf("got a %T, which the kernel cannot send by itself", rc)
		}
		if n, err := io.Copy(io.Discard, rc); n != 62724 || err != nil {
			t.Errorf("got %d bytes, %v", n, err)
		}
	})
}

// emptyLayout writes an OCI layout without images.
func emptyLayout(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"oci-layout": `{"imageLayoutVersion":"1.0.0"}`,
		"index.json": `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// assertJSON fails unless the two are the same JSON.
func assertJSON(t testing.TB, got, want any) {
	t.Helper()
	g, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	w, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if string(g) != string(w) {
		t.Errorf("got  %s\nwant %s", g, w)
	}
}
