package main

import (
	"archive/tar"
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// checkImage unpacks an image like a container runtime, and runs it.
func checkImage(t *testing.T, archive []byte) {
	img := imageIn(t, archive)
	if err := validate.Image(img); err != nil {
		t.Error(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.Config.User != "65532:65532" {
		t.Errorf("user %q", config.Config.User)
	}
	flat := mutate.Extract(img)
	defer flat.Close()
	root := t.TempDir()
	unpack(t, flat, root)
	bundle, err := os.ReadFile(filepath.Join(root, "etc/ssl/certs/ca-certificates.crt"))
	if err != nil {
		t.Fatal(err)
	}
	if n := certificates(t, bundle); n < 100 {
		t.Errorf("%d certificate authorities", n)
	}
	version := config.Config.Labels["org.opencontainers.image.version"]
	checkOutput(t, root, append(config.Config.Entrypoint, "version"), version+"\n")
}

// imageIn returns the image for this machine in an archive of an OCI layout.
func imageIn(t *testing.T, archive []byte) v1.Image {
	t.Helper()
	dir := t.TempDir()
	unpack(t, bytes.NewReader(archive), dir)
	outer, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	m, err := outer.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Manifests) != 1 || m.Manifests[0].Annotations["org.opencontainers.image.ref.name"] == "" {
		t.Fatalf("index.json has %v, want one index with a name", m.Manifests)
	}
	index, err := outer.ImageIndex(m.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	if m, err = index.IndexManifest(); err != nil {
		t.Fatal(err)
	}
	for _, d := range m.Manifests {
		if d.Platform.Satisfies(v1.Platform{OS: "linux", Architecture: runtime.GOARCH}) {
			img, err := index.Image(d.Digest)
			if err != nil {
				t.Fatal(err)
			}
			return img
		}
	}
	t.Fatalf("no image for this architecture in %v", m.Manifests)
	return nil
}

// unpack writes the files of a tar stream below a directory.
func unpack(t *testing.T, stream io.Reader, dir string) {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := root.Close(); err != nil {
			t.Error(err)
		}
	}()
	for r := tar.NewReader(stream); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeDir {
			err = root.MkdirAll(filepath.Clean(h.Name), 0o755)
		} else {
			var content []byte
			content, err = io.ReadAll(r)
			err = errors.Join(err, root.MkdirAll(filepath.Dir(h.Name), 0o755), root.WriteFile(h.Name, content, h.FileInfo().Mode().Perm()))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func certificates(t *testing.T, bundle []byte) int {
	t.Helper()
	n := 0
	for block, rest := pem.Decode(bundle); block != nil; block, rest = pem.Decode(rest) {
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			t.Error(err)
		}
		n++
	}
	return n
}
