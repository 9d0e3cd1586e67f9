package integration

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// variableDuration names the variable that sets how long the concurrency test runs, such as "10s".
const variableDuration = "LEIOCI_TEST_DURATION"

func TestManyClientsAtOnceLoseNothing(t *testing.T) {
	skipIfExternal(t)
	const clients = 16
	r := script("distribution")(t)
	l := &load{registry: r, same: r.repository(t), different: r.repository(t), sameDir: leiocitest.WriteSnapshot(t, sunday(), newReport())}
	ctx, cancel := context.WithTimeout(t.Context(), duration(t))
	defer cancel()
	meters := make([]*meter, clients)
	var wg sync.WaitGroup
	for i := range clients {
		meters[i] = newMeter(t, r)
		c := r.client(t, leioci.WithTransport(meters[i]))
		wg.Go(func() { l.work(ctx, t, c) })
	}
	wg.Wait()
	distinct := l.verify(t)

	var dialed int
	var requests int64
	for _, m := range meters {
		n, _ := m.connections()
		dialed, requests = dialed+n, requests+m.requests.Load()
	}
	report(t, fmt.Sprintf("%d concurrent clients for %s: %d pushes (%d bytes), %d pulls (%d bytes), %d snapshots afterwards, %d requests over %d connections, %d errors.\n",
		clients, duration(t), l.pushes.Load(), l.pushed.Load(), l.pulls.Load(), l.pulled.Load(), distinct, requests, dialed, l.errors.Load()))
	// A client transfers four blobs at once; net/http opens a few more connections than it then
	// needs.
	if dialed > clients*16 {
		t.Errorf("%d connections for %d clients: connections are not reused", dialed, clients)
	}
}

func duration(t testing.TB) time.Duration {
	t.Helper()
	const defaultDuration = 30 * time.Second
	s := os.Getenv(variableDuration)
	if s == "" {
		return defaultDuration
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Fatalf("%s: %v", variableDuration, err)
	}
	return d
}

// load is the work of the clients: each pushes and pulls the same snapshot as all others, and one
// of its own.
type load struct {
	*registry
	same, different name.Repository
	sameDir         string

	pushes, pulls, pushed, pulled, errors atomic.Int64

	mu     sync.Mutex
	stored []storedSnapshot
}

// storedSnapshot is a snapshot that the registry accepted, and the directory it came from.
type storedSnapshot struct {
	digest name.Digest
	dir    string
}

// work pushes and pulls until ctx is done.
func (l *load) work(ctx context.Context, t testing.TB, c *leioci.Client) {
	tag := "own-" + rand.Text()
	for ctx.Err() == nil {
		own := leiocitest.WriteSnapshot(t, sunday(), newReport())
		err := errors.Join(
			l.push(ctx, c, l.same, "latest", l.sameDir),
			l.push(ctx, c, l.different, tag, own),
			l.pull(ctx, t, c, l.same.Tag("latest"), l.sameDir),
			l.pull(ctx, t, c, l.different.Tag(tag), own),
			l.pullAny(ctx, t, c),
		)
		if err != nil && ctx.Err() == nil {
			l.errors.Add(1)
			t.Error(err)
			return
		}
	}
}

func (l *load) push(ctx context.Context, c *leioci.Client, repo name.Repository, tag, dir string) error {
	img, err := leioci.Package(ctx, dir)
	if err != nil {
		return err
	}
	digest, err := c.PushSnapshot(ctx, repo, []string{tag}, img)
	if err != nil {
		return err
	}
	info, err := os.Stat(filepath.Join(dir, "cache.jsonl.gz"))
	if err != nil {
		return err
	}
	l.pushes.Add(1)
	l.pushed.Add(info.Size())
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stored = append(l.stored, storedSnapshot{digest, dir})
	return nil
}

// pullAny pulls a snapshot that another client may have pushed.
func (l *load) pullAny(ctx context.Context, t testing.TB, c *leioci.Client) error {
	l.mu.Lock()
	if len(l.stored) == 0 {
		l.mu.Unlock()
		return nil
	}
	s := l.stored[len(l.stored)/2]
	l.mu.Unlock()
	return l.pull(ctx, t, c, s.digest, s.dir)
}

func (l *load) pull(ctx context.Context, t testing.TB, c *leioci.Client, ref name.Reference, want string) error {
	out := filepath.Join(t.TempDir(), "out")
	res, err := c.PullSnapshot(ctx, ref, out)
	if err != nil {
		return err
	}
	l.pulls.Add(1)
	l.pulled.Add(res.BytesFetched)
	return sameDirectories(ref, want, out)
}

// verify pulls every accepted snapshot with a new client, and returns how many there are.
func (l *load) verify(t testing.TB) int {
	t.Helper()
	c := l.client(t)
	seen := map[name.Digest]bool{}
	for _, s := range l.stored {
		if seen[s.digest] {
			continue
		}
		seen[s.digest] = true
		if err := l.pull(t.Context(), t, c, s.digest, s.dir); err != nil {
			t.Errorf("lost: %v", err)
		}
	}
	if len(seen) < 2 {
		t.Errorf("only %d snapshots were pushed", len(seen))
	}
	return len(seen)
}

func sameDirectories(ref name.Reference, want, got string) error {
	for _, f := range []string{"manifest.json", "cache.jsonl.gz"} {
		a, err := os.ReadFile(filepath.Join(want, f))
		if err != nil {
			return err
		}
		b, err := os.ReadFile(filepath.Join(got, f))
		if err != nil {
			return err
		}
		if !bytes.Equal(a, b) {
			return fmt.Errorf("%s: %s differs", ref, f)
		}
	}
	return nil
}

// newReport returns a unique report of about 64 KiB that hardly compresses.
func newReport() string {
	var noise bytes.Buffer
	for noise.Len() < 64<<10 {
		noise.WriteString(rand.Text())
	}
	return `{"data":{"repo":"https://example.org/a","risk":"low","results":"` + noise.String() + `"}}`
}
