//go:build unix

package leioci_test

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// slowPull pulls from a registry that sends each of its streams slowly, at first until ctx ends, and
// then, if that failed, again.
func slowPull(t *testing.T, end time.Duration) {
	const size = 8 << 20
	time.Sleep(time.Until(newer))
	network := leiocitest.NewNetwork(t)
	reg := network.Serve("registry.localhost", leiocitest.NewHandler())
	transport := &bodies{base: network.Transport()}
	c, err := leioci.New(leioci.WithTransport(transport), leioci.WithPlainHTTP(reg.Host()))
	must(t, err)
	repo := repository(t, reg)

	src := leiocitest.WriteSnapshot(t, newer)
	cache := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{}).Read(cache) // never fails
	must(t, os.WriteFile(filepath.Join(src, "cache.jsonl.gz"), cache, 0o600))
	img, err := leioci.Package(t.Context(), src)
	must(t, err)
	_, err = c.PushSnapshot(t.Context(), repo, []string{"latest"}, img)
	must(t, err)

	slow := reg.On(http.MethodGet, "/blobs/", leiocitest.Always, leiocitest.Drip(32<<10, 5*time.Millisecond))
	dir := filepath.Join(t.TempDir(), "parent", "lei")
	ctx, cancel := context.WithTimeout(t.Context(), end)
	defer cancel()
	begun := time.Now()
	res, err := c.PullSnapshot(ctx, repo.Tag("latest"), dir)
	took := time.Since(begun)
	if end < time.Second {
		beside := namesIn(t, filepath.Dir(dir))
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(strings.Join(beside, " "), "-from-") {
			t.Fatalf("got %v, and left %q", err, beside)
		}
		res, err = c.PullSnapshot(t.Context(), repo.Tag("latest"), dir)
		must(t, err)
		if res.BytesFetched > size/2 {
			t.Errorf("the next pull fetched %d bytes", res.BytesFetched)
		}
	} else if err != nil || took > 500*time.Millisecond || res.BytesFetched < size || slow.Hits() != 2+5 {
		t.Errorf("got %+v, %v by %d requests in %v", res, err, slow.Hits(), took)
	}
	want := filesOf(t, src)
	got := filesOf(t, dir)
	delete(got, "oci-manifest.json")
	delete(got, "config.json")
	if !maps.Equal(got, want) {
		t.Error("the files differ")
	}
	if beside := namesIn(t, filepath.Dir(dir)); len(beside) != 1 || transport.open.Load() != 0 {
		t.Errorf("beside the directory are %q, and %d bodies are open", beside, transport.open.Load())
	}
}

func TestASlowPullUsesRanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { slowPull(t, time.Minute) })
}

func TestAPullGoesOnWithTheRangesOfOneThatWasInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { slowPull(t, 250*time.Millisecond) })
}
