package leioci_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// bytesRead returns how many bytes this process has read.
func bytesRead(t *testing.T) (n int64) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/io")
	must(t, err)
	for line := range strings.Lines(string(b)) {
		if _, err := fmt.Sscanf(line, "rchar: %d", &n); err == nil {
			return n
		}
	}
	t.Fatalf("no rchar in %q", b)
	return 0
}

func TestManyWhoNeedADigestReadTheFileOnce(t *testing.T) {
	const size = 8 << 20
	dir := leiocitest.WriteSnapshot(t, monday)
	must(t, os.Truncate(filepath.Join(dir, "cache.jsonl.gz"), size))
	img, err := leioci.PackageSnapshot(t.Context(), openSnapshot(t, dir))
	must(t, err)
	before := bytesRead(t)
	var g sync.WaitGroup
	for range 4 {
		g.Go(func() {
			_, err := img.Digest()
			_, merr := img.RawManifest()
			_, lerr := img.Layers()
			if err := errors.Join(err, merr, lerr); err != nil {
				t.Error(err)
			}
		})
	}
	g.Wait()
	if n := bytesRead(t) - before; n < size || n >= 2*size {
		t.Errorf("%d bytes were read, the file has %d", n, size)
	}
}

// Reading the file takes longer than both contexts last.
func TestADigestIsComputedAgainAfterAContextHasEnded(t *testing.T) {
	dir := leiocitest.WriteSnapshot(t, monday)
	must(t, os.Truncate(filepath.Join(dir, "cache.jsonl.gz"), 64<<30)) // it takes no space
	img, err := leioci.PackageSnapshot(t.Context(), openSnapshot(t, dir))
	must(t, err)
	for _, stop := range []error{errors.New("stop"), errors.New("stop again")} {
		ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, stop)
		if _, err := leioci.Unpack(ctx, img, filepath.Join(t.TempDir(), "new")); !errors.Is(err, stop) {
			t.Errorf("got %v, want %v", err, stop)
		}
		cancel()
	}
}
