package target_test

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci/internal/artifact"
	"github.com/lowendinsight/lei-go/leioci/internal/target"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

const (
	reportA = `{"data":{"repo":"https://example.org/a","risk":"low"}}`
	reportB = `{"data":{"repo":"https://example.org/b","risk":"high"}}`
)

var monday = time.Date(2026, 2, 9, 0, 0, 0, 0, time.UTC)

// A published is a snapshot that can be fetched, and what was fetched of it.
type published struct {
	raw      []byte
	manifest *v1.Manifest
	files    map[string]string // the content, by name

	mu      sync.Mutex
	fetched []string                         // the names of the files, sorted
	fails   func(name string) (int64, error) // how many bytes come before the error; may be nil
}

// publish makes a snapshot with a manifest as the original client writes it: without annotations.
func publish(t *testing.T, date time.Time, reports ...string) *published {
	t.Helper()
	return publishAs(t, leiocitest.WriteSnapshot(t, date, reports...), nil)
}

// annotated is publish with the annotation that tells the date.
func annotated(t *testing.T, date time.Time, reports ...string) *published {
	t.Helper()
	annotations := map[string]string{artifact.AnnotationVersion: date.Format(time.DateOnly)}
	return publishAs(t, leiocitest.WriteSnapshot(t, date, reports...), annotations)
}

func publishAs(t *testing.T, dir string, annotations map[string]string) *published {
	t.Helper()
	p := &published{files: map[string]string{}}
	p.manifest = &v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Annotations: annotations,
	}
	p.configure(t, configOf(t, dir))
	for _, layer := range artifact.LayerFiles() {
		content := read(t, dir, layer.Name)
		digest, size, err := v1.SHA256(strings.NewReader(content))
		must(t, err)
		p.files[layer.Name] = content
		p.manifest.Layers = append(p.manifest.Layers, v1.Descriptor{MediaType: layer.MediaType, Digest: digest, Size: size})
	}
	p.encode(t)
	return p
}

// configOf returns the config that is made of a snapshot, or "{}".
func configOf(t *testing.T, dir string) string {
	t.Helper()
	meta, err := snapshot.ReadMetadata(strings.NewReader(read(t, dir, "manifest.json")))
	if err != nil {
		return "{}"
	}
	config, err := artifact.MakeConfig(meta.LEIVersion, meta.Created, meta.EntryCount)
	must(t, err)
	return string(config)
}

// configure gives the artifact a config.
func (p *published) configure(t *testing.T, config string) {
	t.Helper()
	digest, size, err := v1.SHA256(strings.NewReader(config))
	must(t, err)
	p.files["config.json"] = config
	p.manifest.Config = v1.Descriptor{MediaType: artifact.MediaTypeConfig, Digest: digest, Size: size}
	p.encode(t)
}

func (p *published) encode(t *testing.T) {
	t.Helper()
	var err error
	p.raw, err = json.Marshal(p.manifest)
	must(t, err)
}

// fetch is a [target.Fetch] that appends what a partial file lacks.
func (p *published) fetch(_ context.Context, d v1.Descriptor, into target.Partial) (int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	files, err := artifact.Files(p.manifest)
	if err != nil {
		return 0, err
	}
	files = append(files, artifact.ConfigOf(p.manifest))
	name := files[slices.IndexFunc(files, func(f artifact.File) bool { return f.Descriptor.Digest == d.Digest })].Name
	p.fetched = append(p.fetched, name)
	slices.Sort(p.fetched)
	missing := p.files[name][into.Size():]
	if p.fails != nil {
		if most, err := p.fails(name); err != nil {
			n, werr := io.WriteString(into, missing[:min(most, int64(len(missing)))])
			if werr != nil {
				return int64(n), werr
			}
			return int64(n), err
		}
	}
	n, err := io.WriteString(into, missing)
	return int64(n), err
}

func (p *published) install(t *testing.T, d *target.Dir) (*target.Result, error) {
	t.Helper()
	return d.Install(t.Context(), p.raw, p.manifest, p.fetch)
}

func (p *published) digest(t *testing.T) v1.Hash {
	t.Helper()
	digest, _, err := v1.SHA256(strings.NewReader(string(p.raw)))
	must(t, err)
	return digest
}

// open opens a directory with a memory of its own.
func open(path string, policy target.Policy) *target.Dir {
	return openWith(path, policy, &target.Memory{})
}

func openWith(path string, policy target.Policy, memory *target.Memory) *target.Dir {
	return target.Open(path, policy, memory, 2, discard())
}

func discard() *logrus.Logger {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return log
}

// installed returns a directory that holds p.
func installed(t *testing.T, p *published) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "lei")
	_, err := p.install(t, open(dir, target.Policy{}))
	must(t, err)
	p.fetched = nil
	return dir
}

// assertHolds fails the test unless dir holds p, and nothing is left beside it.
func assertHolds(t *testing.T, dir string, p *published) {
	t.Helper()
	for name, want := range map[string]string{
		"manifest.json": p.files["manifest.json"], "cache.jsonl.gz": p.files["cache.jsonl.gz"], "oci-manifest.json": string(p.raw), "config.json": p.files["config.json"],
	} {
		if got := read(t, dir, name); got != want {
			t.Errorf("%s is not the one that was published", name)
		}
	}
	if got := names(t, dir); len(got) != 4 {
		t.Errorf("it holds %q", got)
	}
	if got := names(t, filepath.Dir(dir)); len(got) != 1 {
		t.Errorf("beside it is %q", got)
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	all := make([]string, len(entries))
	for i, e := range entries {
		all[i] = e.Name()
	}
	return all
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, name))
	must(t, err)
	return string(content)
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
}

// flip changes one bit in the middle of a file.
func flip(t *testing.T, dir, name string) {
	t.Helper()
	content := []byte(read(t, dir, name))
	content[len(content)/2] ^= 1
	write(t, dir, name, string(content))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
