package leioci_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestImageReadsItsBlobsVerified(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c, repo := newClient(t), repository(t, reg)
	pushSample(t, c, repo, "latest")
	img, err := c.Image(t.Context(), repo.Tag("latest"))
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.RawConfigFile()
	if err != nil || !bytes.Equal(config, readFile(t, sampleDir, "config.json")) {
		t.Errorf("got %q, %v", config, err)
	}
	raw := strings.Replace(string(readFile(t, sampleDir, "oci-manifest.json")), `"size": 106`, `"size": 4194305`, 1)
	huge, _ := serveManifest(t, "application/vnd.oci.image.manifest.v1+json", raw)
	other, err := c.Image(t.Context(), repository(t, huge).Tag("latest"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.RawConfigFile(); !errors.Is(err, leioci.ErrTooLarge) || requestCount(huge, "GET /v2/org/lei-cache/blobs/") > 0 {
		t.Errorf("got %v", err)
	}
	if _, err := img.LayerByDigest(v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("0", 64)}); !errors.Is(err, leioci.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	layers, err := img.Layers()
	if err != nil || len(layers) != 2 {
		t.Fatalf("got %d layers, %v", len(layers), err)
	}
	reg.On(http.MethodGet, "/blobs/", 1, leiocitest.Body(func(b []byte) []byte { b[0] ^= 1; return b }))
	rc, err := layers[0].Compressed()
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	if _, err := io.Copy(io.Discard, rc); !errors.Is(err, leioci.ErrVerification) {
		t.Errorf("got %v", err)
	}
}

func TestALayerWhoseDescriptorLiesAboutItsSizeIsRefused(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c, repo := newClient(t), repository(t, reg)
	pushSample(t, c, repo, "latest")
	for _, size := range []string{"62723", "62725"} {
		manifest := strings.Replace(string(readFile(t, sampleDir, "oci-manifest.json")), "62724", size, 1)
		served := reg.On(http.MethodGet, "/manifests/", leiocitest.Always, saying(manifest, nil))
		img, err := c.Image(t.Context(), repo.Tag("latest"))
		if err != nil {
			t.Fatal(err)
		}
		layers, err := img.Layers()
		if err != nil {
			t.Fatal(err)
		}
		// The registry says how many bytes it has; nothing needs to be read.
		if _, err := layers[1].Compressed(); !errors.Is(err, leioci.ErrVerification) || !strings.Contains(err.Error(), sampleCache) {
			t.Errorf("%s bytes: got %v", size, err)
		}
		if _, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), t.TempDir()); !errors.Is(err, leioci.ErrVerification) {
			t.Errorf("%s bytes: PullSnapshot: got %v", size, err)
		}
		served.Stop()
	}
}

func TestAManifestWithoutMediaTypeHasTheOneItCameWith(t *testing.T) {
	bare := strings.Replace(string(readFile(t, sampleDir, "oci-manifest.json")), `"mediaType": "application/vnd.oci.image.manifest.v1+json",`, "", 1)
	reg := leiocitest.NewRegistry(t)
	c, repo := newClient(t), repository(t, reg)
	_, blobs := sample(t)
	if _, err := c.Push(t.Context(), repo, []string{"latest"}, []byte(bare), blobs); err != nil {
		t.Fatal(err)
	}
	reg.On("", "/manifests/", leiocitest.Always, leiocitest.Header("Content-Type", "application/vnd.oci.image.manifest.v1+json; charset=utf-8"))
	m, err := c.PullManifest(t.Context(), repo.Tag("latest"))
	if err != nil || m.Descriptor.MediaType != "application/vnd.oci.image.manifest.v1+json" {
		t.Errorf("got %+v, %v", m, err)
	}
	img, err := c.Image(t.Context(), repo.Tag("latest"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := leioci.Unpack(t.Context(), img, t.TempDir()); err != nil {
		t.Error(err)
	}
}
