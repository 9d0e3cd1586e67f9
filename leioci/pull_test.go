package leioci_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// serveManifest makes a registry answer every request for a manifest with body.
func serveManifest(t *testing.T, contentType, body string) (*leiocitest.Registry, *leiocitest.Injection) {
	reg := leiocitest.NewRegistry(t)
	return reg, reg.On("", "/manifests/", leiocitest.Always, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(w, body)
	})
}

func TestPullManifestRefusesWhatIsNoImageManifest(t *testing.T) {
	const oci = "application/vnd.oci.image.manifest.v1+json"
	descriptor := fmt.Sprintf(`{"mediaType":"a/b","size":1,"digest":%q}`, sampleConfig)
	for name, tc := range map[string]struct {
		contentType, body string
		want              error
	}{
		"an index":                {"application/vnd.oci.image.index.v1+json", `{"schemaVersion":2,"manifests":[]}`, leioci.ErrUnsupportedManifest},
		"an index sent as image":  {oci, `{"schemaVersion":2,"manifests":[` + descriptor + `]}`, leioci.ErrUnsupportedManifest},
		"image and index at once": {oci, `{"config":` + descriptor + `,"layers":[` + descriptor + `],"manifests":[]}`, leioci.ErrUnsupportedManifest},
		"no layers":               {oci, `{"schemaVersion":2,"config":` + descriptor + `}`, leioci.ErrUnsupportedManifest},
		"empty layers":            {oci, `{"schemaVersion":2,"config":` + descriptor + `,"layers":[]}`, leioci.ErrUnsupportedManifest},
		"an empty object":         {oci, `{}`, leioci.ErrUnsupportedManifest},
		"nothing":                 {oci, ``, leioci.ErrUnsupportedManifest},
		"HTML":                    {"text/html", `<html>log in here</html>`, leioci.ErrUnsupportedManifest},
		"Docker's schema 1":       {"application/vnd.docker.distribution.manifest.v1+prettyjws", `{"schemaVersion":1,"fsLayers":[]}`, leioci.ErrUnsupportedManifest},
		"a negative size":         {oci, `{"config":` + strings.Replace(descriptor, ":1", ":-1", 1) + `,"layers":[` + descriptor + `]}`, leioci.ErrUnsupportedManifest},
		"a layer without digest":  {oci, `{"config":` + descriptor + `,"layers":[{"size":1}]}`, leioci.ErrUnsupportedManifest},
		"an unknown digest":       {oci, `{"config":{"size":1,"digest":"md5:aa"},"layers":[]}`, leioci.ErrUnsupportedManifest},
		"over 4 MiB":              {oci, `{"schemaVersion":2` + strings.Repeat(" ", 4<<20) + `}`, leioci.ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			reg, fault := serveManifest(t, tc.contentType, tc.body)
			ref := repository(t, reg).Tag("latest")
			m, err := newClient(t).PullManifest(t.Context(), ref)
			if !errors.Is(err, tc.want) || !strings.Contains(err.Error(), ref.String()) || fault.Hits() == 0 {
				t.Errorf("got %v, %v, want %v", m, err, tc.want)
			}
			if _, err := newClient(t).Image(t.Context(), ref); !errors.Is(err, tc.want) {
				t.Errorf("Image: got %v, want %v", err, tc.want)
			}
		})
	}
}

func TestPullManifestReadsNoMoreThanItsLimit(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	reg.On(http.MethodGet, "/manifests/", 1, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		for r.Context().Err() == nil { // without an end
			if _, err := w.Write(bytes.Repeat([]byte(" "), 1<<20)); err != nil {
				return
			}
		}
	})
	if _, err := newClient(t).PullManifest(t.Context(), repository(t, reg).Tag("latest")); !errors.Is(err, leioci.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}

func TestPullManifestByDigestVerifies(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c := newClient(t)
	digest := pushSample(t, c, repository(t, reg), "latest")
	m, err := c.PullManifest(t.Context(), digest)
	if err != nil || m.Descriptor.Digest.String() != sampleDigest {
		t.Fatalf("got %+v, %v", m, err)
	}
	fault := reg.On(http.MethodGet, "/manifests/", 1, leiocitest.Body(func(b []byte) []byte {
		return bytes.Replace(b, []byte("Kit Plummer"), []byte("Kit Plumber"), 1)
	}))
	if _, err := c.PullManifest(t.Context(), digest); !errors.Is(err, leioci.ErrVerification) || fault.Hits() != 1 {
		t.Errorf("got %v", err)
	}
}

func TestPullSaysWhatKindOfNo(t *testing.T) {
	for status, want := range map[int]error{
		http.StatusNotFound:     leioci.ErrNotFound,
		http.StatusUnauthorized: leioci.ErrUnauthorized,
		http.StatusForbidden:    leioci.ErrDenied,
	} {
		reg := leiocitest.NewRegistry(t)
		reg.On(http.MethodGet, "/org/lei-cache/", leiocitest.Always, leiocitest.Status(status, "CODE"))
		c, repo := newClient(t), repository(t, reg)
		digest := repo.Digest(sampleCache)
		_, manifest := c.PullManifest(t.Context(), repo.Tag("latest"))
		_, blob := c.PullBlob(t.Context(), digest)
		_, tags := c.Tags(t.Context(), repo)
		_, snapshot := c.PullSnapshot(t.Context(), repo.Tag("latest"), t.TempDir())
		for _, err := range []error{manifest, blob, tags, snapshot} {
			var answer *transport.Error
			if !errors.Is(err, want) || !errors.As(err, &answer) || answer.StatusCode != status || !strings.Contains(err.Error(), repo.Name()) {
				t.Errorf("%d: got %v, want %v", status, err, want)
			}
		}
	}
}

func TestPullBlobStreamsWhatWasPushed(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c, repo := newClient(t), repository(t, reg)
	pushSample(t, c, repo, "latest")
	rc, err := c.PullBlob(t.Context(), repo.Digest(sampleCache))
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	got, err := io.ReadAll(rc)
	if err != nil || !bytes.Equal(got, readFile(t, sampleDir, "cache.jsonl.gz")) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}

func TestPullBlobVerifiesBeforeTheEnd(t *testing.T) {
	flip := func(b []byte) []byte { b[len(b)/2] ^= 1; return b }
	chunked := func(edit func([]byte) []byte) leiocitest.Fault {
		return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.(http.Flusher).Flush() // before the length is known
			body := readFile(t, sampleDir, "cache.jsonl.gz")
			_, _ = w.Write(edit(body))
		}
	}
	for name, fault := range map[string]leiocitest.Fault{
		"a flipped bit":            leiocitest.Body(flip),
		"a flipped last bit":       leiocitest.Body(func(b []byte) []byte { b[len(b)-1] ^= 1; return b }),
		"one byte short":           leiocitest.Body(func(b []byte) []byte { return b[:len(b)-1] }),
		"one byte long":            leiocitest.Body(func(b []byte) []byte { return append(b, 0) }),
		"nothing":                  leiocitest.Body(func([]byte) []byte { return nil }),
		"another blob":             leiocitest.Body(func([]byte) []byte { return readFile(t, sampleDir, "manifest.json") }),
		"a connection cut":         leiocitest.Truncate(60000),
		"a flipped bit, no length": chunked(flip),
		"short, no length":         chunked(func(b []byte) []byte { return b[:1000] }),
		"long, no length":          chunked(func(b []byte) []byte { return append(b, b...) }),
	} {
		t.Run(name, func(t *testing.T) {
			reg := leiocitest.NewRegistry(t)
			c, repo := newClient(t), repository(t, reg)
			pushSample(t, c, repo, "latest")
			injected := reg.On(http.MethodGet, "/blobs/", leiocitest.Always, fault)
			rc, err := c.PullBlob(t.Context(), repo.Digest(sampleCache))
			if err == nil {
				defer rc.Close()
				_, err = io.Copy(io.Discard, rc)
			}
			if !errors.Is(err, leioci.ErrVerification) || !strings.Contains(err.Error(), sampleCache) {
				t.Errorf("got %v", err)
			}
			if injected.Hits() == 0 {
				t.Error("the fault was not hit")
			}
		})
	}
}

func TestPullBlobDoesNotHandOutTheLastBytesOfCorruptContent(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c, repo := newClient(t), repository(t, reg)
	pushSample(t, c, repo, "latest")
	reg.On(http.MethodGet, "/blobs/", leiocitest.Always, leiocitest.Body(func(b []byte) []byte { b[0] ^= 1; return b }))
	rc, err := c.PullBlob(t.Context(), repo.Digest(sampleCache))
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	// A reader that wants exactly as many bytes as there should be, and never asks for the end.
	if _, err := io.ReadFull(rc, make([]byte, 62724)); !errors.Is(err, leioci.ErrVerification) {
		t.Errorf("got %v", err)
	}
}

func TestPullBlobStopsAtTheLimit(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	repo := repository(t, reg)
	pushSample(t, newClient(t), repo, "latest")
	c := newClient(t, leioci.WithMaxBlobBytes(62723))
	_, err := c.PullBlob(t.Context(), repo.Digest(sampleCache))
	if !errors.Is(err, leioci.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	if _, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), t.TempDir()); !errors.Is(err, leioci.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}

func TestPullBlobEndsWithItsContext(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c, repo := newClient(t), repository(t, reg)
	reached := make(chan struct{}, 1)
	reg.On(http.MethodGet, "/blobs/", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		w.Header().Set("Content-Length", "62724")
		_, _ = w.Write(make([]byte, 100))
		w.(http.Flusher).Flush()
		leiocitest.Hang(reached)(w, r, nil)
	})
	ctx, cancel := context.WithCancel(t.Context())
	rc, err := c.PullBlob(ctx, repo.Digest(sampleCache))
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	<-reached
	cancel()
	if _, err := io.Copy(io.Discard, rc); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestOneCallersContextDoesNotFailAnother(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c, repo := newClient(t), repository(t, reg)
	pushSample(t, newClient(t), repo, "latest")
	reached := make(chan struct{}, 8)
	ping := reg.On(http.MethodGet, "/v2/", 1, leiocitest.Hang(reached))
	ctx, cancel := context.WithCancel(t.Context())
	first, second := make(chan error), make(chan error)
	go func() { _, err := c.PullManifest(ctx, repo.Tag("latest")); first <- err }()
	<-reached
	go func() { _, err := c.PullManifest(t.Context(), repo.Tag("latest")); second <- err }()
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) || ping.Hits() != 1 {
		t.Errorf("the first: got %v", err)
	}
	if err := <-second; err != nil {
		t.Errorf("the second: got %v", err)
	}
}

func TestOneHandshakeServesAll(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c, repo := newClient(t), repository(t, reg)
	pushSample(t, newClient(t), repo, "latest")
	before := pings(reg)
	for range 3 {
		if _, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), t.TempDir()); err != nil {
			t.Fatal(err)
		}
	}
	if n := pings(reg) - before; n != 1 {
		t.Errorf("there were %d handshakes, want 1", n)
	}
}

func pings(reg *leiocitest.Registry) int {
	n := 0
	for _, r := range reg.Requests() {
		if r == "GET /v2/" {
			n++
		}
	}
	return n
}

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
	if _, err := img.LayerByDigest(v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("0", 64)}); !errors.Is(err, leioci.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func FuzzPullManifest(f *testing.F) {
	f.Add(string(readFile(f, sampleDir, "oci-manifest.json")))
	for _, s := range []string{`{}`, `null`, `[]`, `{"config":null}`, `{"config":{"digest":"sha256:"},"layers":[{}]}`, `{"manifests":[]}`} {
		f.Add(s)
	}
	reg := leiocitest.NewRegistry(f)
	c, repo := newClient(f), repository(f, reg)
	var body string
	reg.On(http.MethodGet, "/manifests/", leiocitest.Always, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
		_, _ = io.WriteString(w, body)
	})
	f.Fuzz(func(t *testing.T, s string) {
		body = s
		m, err := c.PullManifest(t.Context(), repo.Tag("latest"))
		if err != nil {
			if !errors.Is(err, leioci.ErrUnsupportedManifest) {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		if len(m.Manifest.Layers) == 0 || m.Manifest.Config.Digest.Hex == "" || string(m.Raw) != s || m.Descriptor.Size != int64(len(s)) {
			t.Fatalf("%q: got %+v", s, m)
		}
		// Its digest leads back to it.
		if _, err := c.PullManifest(t.Context(), repo.Digest(m.Descriptor.Digest.String())); err != nil {
			t.Fatal(err)
		}
	})
}
