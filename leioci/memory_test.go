package leioci_test

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// diskRegistry is a registry that keeps its blobs in files, unlike go-containerregistry's, which
// keeps them in memory. It supports one repository, one tag and the requests of a push and a pull.
type diskRegistry struct {
	dir      string
	mu       sync.Mutex
	uploads  int
	manifest []byte
}

func (d *diskRegistry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	base := filepath.Base(r.URL.Path)
	switch {
	case r.URL.Path == "/v2/":
	case strings.Contains(r.URL.Path, "/manifests/"):
		d.serveManifest(w, r)
	case r.Method == http.MethodPost:
		d.mu.Lock()
		d.uploads++
		w.Header().Set("Location", fmt.Sprintf("%supload-%d", r.URL.Path, d.uploads))
		d.mu.Unlock()
		w.WriteHeader(http.StatusAccepted)
	case r.Method == http.MethodPut:
		d.store(w, r, base)
	default:
		http.ServeFile(w, r, filepath.Join(d.dir, base)) // 404 where there is none
	}
}

func (d *diskRegistry) serveManifest(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case r.Method == http.MethodPut:
		d.manifest, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusCreated)
	case d.manifest == nil:
		w.WriteHeader(http.StatusNotFound)
	default:
		w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
		_, _ = w.Write(d.manifest)
	}
}

func (d *diskRegistry) store(w http.ResponseWriter, r *http.Request, name string) {
	hash := sha256.New()
	f, err := os.Create(filepath.Join(d.dir, name))
	if err == nil {
		defer f.Close()
		_, err = io.Copy(io.MultiWriter(f, hash), r.Body)
	}
	digest := fmt.Sprintf("sha256:%x", hash.Sum(nil))
	if err == nil && digest != r.URL.Query().Get("digest") {
		err = errors.New("another digest")
	}
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(d.dir, digest))
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusCreated)
}

// addRepos makes a manifest.json as large as that of a snapshot with so many repositories.
func addRepos(t *testing.T, dir string, n int) {
	t.Helper()
	before, after, found := strings.Cut(string(readFile(t, dir, "manifest.json")), `"repos": [`)
	if !found {
		t.Fatal("no repos")
	}
	var b strings.Builder
	b.WriteString(before + `"repos": [`)
	for i := range n {
		fmt.Fprintf(&b, `"https://git.example.org/team-%d/project-%d",`, i%100, i)
	}
	b.WriteString(`"https://git.example.org/the/last"` + after)
	if err := os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestMemoryDoesNotGrowWithTheBlob pushes and pulls a gigabyte, and a manifest.json with the names
// of a million repositories. What is counted is every byte that was allocated on the way, by the
// client and the registry together, whether it was freed or not: the heap can never have been
// larger.
func TestMemoryDoesNotGrowWithTheBlob(t *testing.T) {
	const blob, heap = 1 << 30, 16 << 20
	dir := leiocitest.WriteSnapshot(t, monday)
	addRepos(t, dir, 1_000_000)
	if err := os.Truncate(filepath.Join(dir, "cache.jsonl.gz"), blob); err != nil { // a file with a hole takes no time to write
		t.Fatal(err)
	}
	reg := leiocitest.Serve(t, &diskRegistry{dir: t.TempDir()})
	c, repo := newClient(t), repository(t, reg)
	pulled := filepath.Join(t.TempDir(), "pulled")

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	img, err := leioci.Package(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.PushSnapshot(t.Context(), repo, []string{"latest"}, img); err != nil {
		t.Fatal(err)
	}
	res, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), pulled)
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)

	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > heap {
		t.Errorf("%d bytes were allocated, want at most %d", allocated, heap)
	} else {
		t.Logf("%d bytes were allocated", allocated)
	}
	info, err := os.Stat(filepath.Join(pulled, "cache.jsonl.gz"))
	if err != nil || info.Size() != blob || res.BytesFetched < blob {
		t.Errorf("got %+v, %v", res, err)
	}
	var m v1.Manifest
	if err := json.Unmarshal(readFile(t, pulled, "oci-manifest.json"), &m); err != nil || m.Layers[1].Size != blob {
		t.Errorf("got %+v, %v", m.Layers, err)
	}
}
