package leioci_test

import (
	"bytes"
	"crypto/sha512"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

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
		"an unknown type":         {oci, `{"mediaType":"application/x-tar","config":` + descriptor + `,"layers":[` + descriptor + `]}`, leioci.ErrUnsupportedManifest},
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

func TestPullManifestBySHA512IsVerifiedAsThat(t *testing.T) {
	raw := readFile(t, sampleDir, "oci-manifest.json")
	reg, _ := serveManifest(t, "application/vnd.oci.image.manifest.v1+json", string(raw))
	want := fmt.Sprintf("sha512:%x", sha512.Sum512(raw))
	m, err := newClient(t).PullManifest(t.Context(), repository(t, reg).Digest(want))
	if err != nil || m.Descriptor.Digest.String() != want {
		t.Errorf("got %+v, %v", m, err)
	}
	other := fmt.Sprintf("sha512:%x", sha512.Sum512(nil))
	if _, err := newClient(t).PullManifest(t.Context(), repository(t, reg).Digest(other)); !errors.Is(err, leioci.ErrVerification) {
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
	var body atomic.Pointer[string]
	reg.On(http.MethodGet, "/manifests/", leiocitest.Always, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
		_, _ = io.WriteString(w, *body.Load())
	})
	f.Fuzz(func(t *testing.T, s string) {
		body.Store(&s)
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
		// Its digest pulls it again.
		if _, err := c.PullManifest(t.Context(), repo.Digest(m.Descriptor.Digest.String())); err != nil {
			t.Fatal(err)
		}
	})
}
