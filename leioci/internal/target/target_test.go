package target_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci/internal/artifact"
	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/target"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

var aMonday = monday

// A publication is a snapshot as a registry has it.
type publication struct {
	raw     []byte
	m       *v1.Manifest
	blobs   map[v1.Hash][]byte
	fetched atomic.Int64 // blobs
	mu      sync.Mutex
	corrupt v1.Hash // the one that is written with a bit flipped, once, which fetch does not notice
}

// publish returns a snapshot of these files, without annotations, as the original client makes it.
func publicationWith(t *testing.T, manifest, cache []byte) *publication {
	t.Helper()
	p := &publication{blobs: map[v1.Hash][]byte{}}
	describe := func(mediaType types.MediaType, data []byte) v1.Descriptor {
		digest, size, err := v1.SHA256(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		p.blobs[digest] = data
		return v1.Descriptor{MediaType: mediaType, Digest: digest, Size: size}
	}
	p.m = &v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: describe(artifact.MediaTypeConfig, []byte("{}")),
		Layers: []v1.Descriptor{describe(artifact.MediaTypeCache, cache), describe(artifact.MediaTypeManifest, manifest)},
	}
	var err error
	if p.raw, err = json.Marshal(p.m); err != nil {
		t.Fatal(err)
	}
	return p
}

func publicationOf(t *testing.T, dir string) *publication {
	t.Helper()
	return publicationWith(t, readPath(t, filepath.Join(dir, snapshot.ManifestFile)), readPath(t, filepath.Join(dir, snapshot.CacheFile)))
}

func readPath(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// fetch writes a blob.
func (p *publication) fetch(_ context.Context, d v1.Descriptor, into target.Partial) (int64, error) {
	if into.Size() == d.Size {
		return 0, nil
	}
	p.fetched.Add(1)
	data := p.blobs[d.Digest]
	p.mu.Lock()
	corrupt := d.Digest == p.corrupt
	if corrupt {
		p.corrupt = v1.Hash{}
	}
	p.mu.Unlock()
	if corrupt {
		data = bytes.Clone(data)
		data[0] ^= 1
	}
	n, err := io.Copy(into, bytes.NewReader(data))
	return n, err
}

// A consumer pulls into a directory, again and again.
type consumer struct {
	dir    string
	memory target.Memory
}

func newConsumer(t *testing.T) *consumer {
	return &consumer{dir: filepath.Join(t.TempDir(), "parent", "lei")}
}

func (c *consumer) pull(t *testing.T, p *publication, policy target.Policy) (*target.Result, error) {
	t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	return target.Open(c.dir, policy, &c.memory, 4, log).Install(t.Context(), p.raw, p.m, p.fetch)
}

func (c *consumer) mustPull(t *testing.T, p *publication, policy target.Policy) *target.Result {
	t.Helper()
	res, err := c.pull(t, p, policy)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestAFaultOfTheDiskIsNotThePublishers(t *testing.T) {
	for name, layer := range map[string]int{"in manifest.json": 1, "in cache.jsonl.gz": 0} {
		t.Run(name, func(t *testing.T) {
			c, p := newConsumer(t), publicationOf(t, leiocitest.WriteSnapshot(t, aMonday, `{"data":{"repo":"a"}}`))
			p.corrupt = p.m.Layers[layer].Digest
			if _, err := c.pull(t, p, target.Policy{VerifyReports: true}); err == nil || errors.Is(err, errdef.ErrVerification) {
				t.Fatalf("what the disk changed: got %v", err)
			}
			// What is left of that pull is not verified again by this fetch.
			if err := os.RemoveAll(filepath.Dir(c.dir)); err != nil {
				t.Fatal(err)
			}
			if res := c.mustPull(t, p, target.Policy{VerifyReports: true}); res.UpToDate {
				t.Error("it is up to date")
			}
		})
	}
}

// wrongReports has a report less than its manifest.json says.
func wrongReports(t *testing.T) *publication {
	t.Helper()
	one := leiocitest.WriteSnapshot(t, aMonday, `{"data":{"repo":"a"}}`)
	two := leiocitest.WriteSnapshot(t, aMonday, `{"data":{"repo":"a"}}`, `{"data":{"repo":"b"}}`)
	return publicationWith(t, readPath(t, filepath.Join(two, snapshot.ManifestFile)), readPath(t, filepath.Join(one, snapshot.CacheFile)))
}

func TestVerifyReportsMeansVerified(t *testing.T) {
	verified := target.Policy{VerifyReports: true}
	c, p := newConsumer(t), wrongReports(t)
	c.mustPull(t, p, target.Policy{})
	for range 3 {
		if res, err := c.pull(t, p, verified); !errors.Is(err, snapshot.ErrMismatch) {
			t.Errorf("got %+v, %v", res, err)
		}
	}
	if n := p.fetched.Load(); n != 3 {
		t.Errorf("%d blobs were fetched", n)
	}
	right := publicationOf(t, leiocitest.WriteSnapshot(t, aMonday.AddDate(0, 0, 1), `{"data":{"repo":"a"}}`))
	c.mustPull(t, right, target.Policy{})
	for range 2 {
		if res := c.mustPull(t, right, verified); !res.UpToDate {
			t.Error("it was replaced")
		}
	}
}

func TestAnUpToDatePullRemovesWhatEarlierOnesLeft(t *testing.T) {
	c, p := newConsumer(t), publicationOf(t, leiocitest.WriteSnapshot(t, aMonday))
	c.mustPull(t, p, target.Policy{})
	next := publicationOf(t, leiocitest.WriteSnapshot(t, aMonday.AddDate(0, 0, 1), `{"data":{"repo":"a"}}`))
	broken := errors.New("broken")
	log := logrus.New()
	log.SetOutput(io.Discard)
	_, err := target.Open(c.dir, target.Policy{}, &c.memory, 1, log).Install(t.Context(), next.raw, next.m,
		func(_ context.Context, _ v1.Descriptor, into target.Partial) (int64, error) {
			n, err := into.Write([]byte("ha"))
			return int64(n), errors.Join(err, broken)
		})
	if !errors.Is(err, broken) || len(beside(t, c.dir)) != 1 {
		t.Fatalf("got %v, and beside it are %q", err, beside(t, c.dir))
	}
	if res := c.mustPull(t, p, target.Policy{}); !res.UpToDate {
		t.Error("it was replaced")
	}
	if left := beside(t, c.dir); len(left) > 0 {
		t.Errorf("beside it are %q", left)
	}
}

func beside(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(dir))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if e.Name() != filepath.Base(dir) {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestPullsAtOnceFetchOnce(t *testing.T) {
	c, p := newConsumer(t), publicationOf(t, leiocitest.WriteSnapshot(t, aMonday, `{"data":{"repo":"a"}}`))
	results := make(chan bool, 3)
	for range 3 {
		go func() {
			res, err := c.pull(t, p, target.Policy{})
			if err != nil {
				t.Error(err)
			}
			results <- err == nil && res.UpToDate
		}()
	}
	upToDate := 0
	for range 3 {
		if <-results {
			upToDate++
		}
	}
	if n := p.fetched.Load(); n != 3 || upToDate != 2 {
		t.Errorf("%d blobs were fetched, and %d found it there", n, upToDate)
	}
	if left := beside(t, c.dir); len(left) > 0 {
		t.Errorf("beside it are %q", left)
	}
}
