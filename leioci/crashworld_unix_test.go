//go:build unix

package leioci_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// A crashWorld is a registry with two snapshots and a directory with the older one.
type crashWorld struct {
	t        testing.TB
	registry http.Handler
	client   *leioci.Client // over a link that is not slow
	host     string
	old, new map[string]string // the files of the two
	large    v1.Descriptor     // the new one's cache
	small    int64             // the size of its manifest.json
	parent   string
	dir      string

	whole, tail time.Duration // durations of a pull, from the first request and from the last byte
}

func newCrashWorld(t testing.TB) *crashWorld {
	t.Helper()
	reg := leiocitest.NewRegistry(t)
	w := &crashWorld{t: t, registry: reg, client: newClient(t), host: reg.Host(), parent: t.TempDir()}
	w.dir = filepath.Join(w.parent, "lei")
	w.old, _ = w.push(leiocitest.WriteSnapshot(t, older, report))
	var layers []v1.Descriptor
	w.new, layers = w.push(leiocitest.WriteSnapshot(t, newer, `{"data":{"repo":"https://example.org/a","noise":"`+noise(1<<20)+`"}}`))
	for _, d := range layers {
		if d.MediaType == leioci.MediaTypeCache {
			w.large = d
		} else {
			w.small = d.Size
		}
	}
	return w
}

// push pushes the snapshot in dir and returns the files that a pull of it writes: those of dir, and
// the manifest as pushed.
func (w *crashWorld) push(dir string) (map[string]string, []v1.Descriptor) {
	w.t.Helper()
	img, err := leioci.Package(w.t.Context(), dir)
	must(w.t, err)
	repo, err := leioci.ParseRepository(w.host + "/org/lei-cache")
	must(w.t, err)
	_, err = w.client.PushSnapshot(w.t.Context(), repo, []string{"latest"}, img)
	must(w.t, err)
	raw, err := img.RawManifest()
	must(w.t, err)
	m, err := img.Manifest()
	must(w.t, err)
	files := filesOf(w.t, dir)
	config, err := img.RawConfigFile()
	must(w.t, err)
	files["oci-manifest.json"], files["config.json"] = string(raw), string(config)
	return files, m.Layers
}

// filesOf returns the contents of a directory's files, by name.
func filesOf(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, name := range namesIn(t, dir) {
		files[name] = string(readFile(t, dir, name))
	}
	return files
}

// reset puts the older snapshot into the directory.
func (w *crashWorld) reset() {
	w.t.Helper()
	must(w.t, errors.Join(os.RemoveAll(w.dir), os.Mkdir(w.dir, 0o755)))
	w.fill()
}

// fill writes the older snapshot into the existing directory.
func (w *crashWorld) fill() {
	w.t.Helper()
	for name, content := range w.old {
		must(w.t, os.WriteFile(filepath.Join(w.dir, name), []byte(content), 0o644))
	}
}

// crash starts a pull and kills it at a moment.
func (w *crashWorld) crash(at moment) {
	w.t.Helper()
	s := newSlowly(w.registry, w.large.Digest.String(), at)
	defer s.Close()
	r := child{Ref: strings.TrimPrefix(s.URL, "http://") + "/org/lei-cache:latest", Dir: w.dir}.start(w.t)
	s.await(w.t, r)
	r.kill(w.t)
}

// measure completes a few pulls to find out how long the phases take.
func (w *crashWorld) measure() {
	w.t.Helper()
	for range 3 {
		w.reset()
		s := newSlowly(w.registry, w.large.Digest.String(), moment{})
		r := child{Ref: strings.TrimPrefix(s.URL, "http://") + "/org/lei-cache:latest", Dir: w.dir}.start(w.t)
		must(w.t, <-r.pulled)
		now := time.Now()
		r.kill(w.t)
		s.Close() // which also waits for its handlers, which write to s
		w.whole, w.tail = max(w.whole, now.Sub(s.first)), max(w.tail, now.Sub(s.last))
		w.assertNew("a pull that was not disturbed")
	}
}
