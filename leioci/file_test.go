package leioci_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/partial"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestAFileThatChangedAfterPackagingIsAnError(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(sampleDir)); err != nil {
		t.Fatal(err)
	}
	img, err := leioci.Package(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "cache.jsonl.gz"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("x"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	reg := leiocitest.NewRegistry(t)
	_, err = newClient(t).PushSnapshot(t.Context(), repository(t, reg), []string{"2026-02-08"}, img)
	if !errors.Is(err, leioci.ErrVerification) {
		t.Errorf("got %v", err)
	}
	if n := requestCount(reg, "PUT /v2/org/lei-cache/manifests/"); n > 0 {
		t.Error("a tag was moved")
	}
}

func TestAFileThatWasReplacedAfterPackagingIsAnError(t *testing.T) {
	for name, change := range map[string]func(path string, old os.FileInfo) error{
		"by another of the same size and time": func(path string, old os.FileInfo) error {
			other := path + ".new"
			return errors.Join(os.WriteFile(other, make([]byte, old.Size()), 0o600),
				os.Chtimes(other, old.ModTime(), old.ModTime()), os.Rename(other, path))
		},
		"in place, at another time": func(path string, old os.FileInfo) error {
			later := old.ModTime().Add(time.Hour)
			return errors.Join(os.WriteFile(path, make([]byte, old.Size()), 0o600), os.Chtimes(path, later, later))
		},
	} {
		dir := leiocitest.WriteSnapshot(t, monday)
		img, err := leioci.Package(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "cache.jsonl.gz")
		old, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := change(path, old); err != nil {
			t.Fatal(err)
		}
		layers, err := img.Layers()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := layers[1].Compressed(); !errors.Is(err, leioci.ErrVerification) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestAPackagedImageOutlivesAChangeOfTheWorkingDirectory(t *testing.T) {
	dir := leiocitest.WriteSnapshot(t, monday)
	t.Chdir(dir)
	img, err := leioci.Package(t.Context(), ".")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	target := filepath.Join(t.TempDir(), "new")
	if _, err := leioci.Unpack(t.Context(), img, target); err != nil {
		t.Fatal(err)
	}
	assertSame(t, dir, target, "manifest.json", "cache.jsonl.gz")
}

func TestAPackagedLayerKeepsItsDescriptor(t *testing.T) {
	layers, err := packageSample(t).Layers()
	if err != nil {
		t.Fatal(err)
	}
	for i, title := range []string{"manifest.json", "cache.jsonl.gz"} {
		d, err := partial.Descriptor(layers[i])
		if err != nil || d.Annotations["org.opencontainers.image.title"] != title {
			t.Errorf("got %+v, %v", d, err)
		}
	}
}
