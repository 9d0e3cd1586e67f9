package registry_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
	"github.com/lowendinsight/lei-go/leioci/internal/retry"
	"github.com/lowendinsight/lei-go/leioci/internal/testenv"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// A world is a network in memory, and clients that are made for it. What they log is in log.
type world struct {
	*testing.T
	network *leiocitest.Network
	log     testenv.LogBuffer
}

func newWorld(t *testing.T) *world { return &world{T: t, network: leiocitest.NewNetwork(t)} }

// client returns a client that has no credentials, and tries twice without a pause in between.
func (w *world) client(edits ...func(*registry.Config)) *registry.Client {
	log := logrus.New()
	log.SetOutput(&w.log)
	config := registry.Config{
		Keychain: authn.NewMultiKeychain(), Transport: w.network.Transport(), Retry: retry.Policy{Attempts: 2},
		StallTimeout: time.Minute, MaxBlobBytes: 1 << 20, UserAgent: "test/1", Log: log,
		Explain: func(err error) error { return err },
	}
	for _, edit := range edits {
		edit(&config)
	}
	return registry.New(config)
}

// serve adds a registry that holds the repository org/cache with one blob and one tag, latest.
func (w *world) serve(host string) (*leiocitest.Registry, name.Repository) {
	w.Helper()
	handler := sampleHandler(w.T)
	return w.network.Serve(host, handler), repository(w.T, host)
}

// once lets a client try once.
func once(c *registry.Config) { c.Retry.Attempts = 1 }

// mirrors lets a client read repo at other places first.
func mirrors(repo name.Repository, at ...name.Repository) func(*registry.Config) {
	return func(c *registry.Config) {
		for _, place := range at {
			c.Mirrors = append(c.Mirrors, registry.Mirror{Of: repo, At: place})
		}
	}
}

func repository(t *testing.T, host string) name.Repository {
	t.Helper()
	repo, err := name.NewRepository(host + "/org/cache")
	must(t, err)
	return repo
}

// The blob of a sample, and the manifest that names it as its config.
const (
	sampleBlob     = "0123456789"
	sampleDigest   = "sha256:84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882" // by sha256sum
	sampleManifest = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":` +
		`{"mediaType":"application/octet-stream","digest":"` + sampleDigest + `","size":10},"layers":[]}`
	ociManifest = "application/vnd.oci.image.manifest.v1+json"
)

// sampleHandler is a registry in which the sample was put by the specification's own requests.
func sampleHandler(t *testing.T) http.Handler {
	t.Helper()
	handler := leiocitest.NewHandler()
	say(t, handler, "POST", "/v2/org/cache/blobs/uploads/?digest="+sampleDigest, "application/octet-stream", sampleBlob)
	say(t, handler, "PUT", "/v2/org/cache/manifests/latest", ociManifest, sampleManifest)
	return handler
}

// say sends a request to a handler, which must succeed, and returns the response's body.
func say(t *testing.T, handler http.Handler, method, path, contentType, body string) string {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	req.Header.Set("Content-Type", contentType)
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, req)
	if recorder.Code >= http.StatusBadRequest {
		t.Fatalf("%s %s: %d %s", method, path, recorder.Code, recorder.Body)
	}
	return recorder.Body.String()
}

// sample is the descriptor of the sample's blob.
func sample(t *testing.T) v1.Descriptor { return descriptor(t, sampleBlob) }

func descriptor(t *testing.T, content string) v1.Descriptor {
	t.Helper()
	digest, size, err := v1.SHA256(strings.NewReader(content))
	must(t, err)
	return v1.Descriptor{Digest: digest, Size: size}
}

// asked counts the requests that begin so.
func asked(reg *leiocitest.Registry, prefix string) int {
	n := 0
	for _, r := range reg.Requests() {
		if strings.HasPrefix(r, prefix) {
			n++
		}
	}
	return n
}

// pings counts the requests that only ask what is required.
func pings(reg *leiocitest.Registry) int {
	return len(slices.DeleteFunc(reg.Requests(), func(r string) bool { return r != "GET /v2/" }))
}

// readBlob reads a blob to its end.
func readBlob(t *testing.T, s *registry.Source, d v1.Descriptor) (string, error) {
	t.Helper()
	r, err := s.Blob(t.Context(), d)
	if err != nil {
		return "", err
	}
	content, err := io.ReadAll(r)
	must(t, r.Close())
	return string(content), err
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
