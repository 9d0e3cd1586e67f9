package leioci_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/internal/registry"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

const (
	largeEnough = registry.StreamFrom + 1
	// endless is the size of a file that takes no space, and whose digest no test waits for.
	endless = 64 << 30
)

// largeSnapshot writes a snapshot whose cache.jsonl.gz has a size.
func largeSnapshot(t *testing.T, date time.Time, size int64) (dir string) {
	t.Helper()
	dir = leiocitest.WriteSnapshot(t, date, report)
	must(t, os.Truncate(filepath.Join(dir, "cache.jsonl.gz"), size))
	return dir
}

// unhashed packages a snapshot whose files nobody has read.
func unhashed(t *testing.T, dir string) v1.Image {
	t.Helper()
	return must2(leioci.PackageSnapshot(t.Context(), openSnapshot(t, dir)))
}

// assertPulls fails unless a tag holds the snapshot in dir.
func assertPulls(t *testing.T, reg *leiocitest.Registry, tag, dir string) {
	t.Helper()
	pulled := filepath.Join(t.TempDir(), "pulled")
	_, err := newClient(t).PullSnapshot(t.Context(), repository(t, reg).Tag(tag), pulled)
	must(t, err)
	assertSame(t, dir, pulled, "manifest.json", "cache.jsonl.gz")
}

func TestALargeFileTakesTenRequestsAndNoneIfItIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTripWorld(t)
		push := func(dir string) requestsMade {
			s := openSnapshot(t, dir)
			_, err := w.client().PushSnapshot(t.Context(), w.repo, []string{"latest"}, must2(leioci.PackageSnapshot(t.Context(), s)))
			must(t, err)
			pulled := filepath.Join(t.TempDir(), "pulled")
			made := w.take()
			_, err = w.client().PullSnapshot(t.Context(), w.repo.Tag("latest"), pulled)
			must(t, err)
			assertSame(t, dir, pulled, "manifest.json", "cache.jsonl.gz")
			w.take()
			return made
		}
		total := func(made requestsMade) (n int) {
			for _, times := range made {
				n += times
			}
			return n
		}
		dir := largeSnapshot(t, older, largeEnough)
		if cold := push(dir); total(cold) > 10 {
			t.Errorf("the first took %v", cold)
		}
		if warm := push(dir); total(warm) != 1 {
			t.Errorf("the same again took %v", warm)
		}
		other := largeSnapshot(t, newer, largeEnough)
		must(t, os.WriteFile(filepath.Join(other, "cache.jsonl.gz"), bytes.Repeat([]byte{1}, largeEnough), 0o600))
		if next := push(other); next["PATCH blobs/uploads"] > 0 || next["PATCH blobs"] > 0 {
			t.Errorf("other content of the same size was sent before it was known to be other: %v", next)
		}
	})
}

func TestAFileThatChangesWhileItIsSentIsNotPublished(t *testing.T) {
	const size = largeEnough + registry.StreamFrom
	rewrite := func(path string) error {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err == nil {
			_, err = f.WriteAt([]byte("new"), size-3)
			err = errors.Join(err, f.Close(), os.Chtimes(path, time.Time{}, monday))
		}
		return err
	}
	for how, tc := range map[string]struct {
		change func(path string) error
		want   error
	}{
		"shorter":   {func(path string) error { return os.Truncate(path, 1000) }, leioci.ErrVerification},
		"longer":    {func(path string) error { return os.Truncate(path, size+5) }, leioci.ErrVerification},
		"rewritten": {rewrite, leioci.ErrVerification},
		"replaced":  {func(path string) error { return errors.Join(os.Remove(path), os.WriteFile(path, []byte("new"), 0o600)) }, nil},
	} {
		for when, late := range map[string]bool{"at once": false, "once it is hashed": true} {
			t.Run(how+" "+when, func(t *testing.T) {
				// On a busy machine, a file may be hashed before it could be sent.
				for range 50 {
					if sendWhile(t, size, tc.change, late, tc.want) {
						return
					}
				}
				t.Error("it was never sent while it was hashed")
			})
		}
	}
}

// sendWhile pushes a snapshot that is changed while it is sent, late or at once, and reports whether
// it came to that.
func sendWhile(t *testing.T, size int64, change func(path string) error, late bool, want error) bool {
	t.Helper()
	dir := largeSnapshot(t, monday, size)
	kept := filepath.Join(t.TempDir(), "kept")
	must(t, os.CopyFS(kept, os.DirFS(dir)))
	reg := leiocitest.NewRegistry(t)
	hashed := make(chan struct{})
	reg.On(http.MethodHead, "/blobs/", 1, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		close(hashed)
		next.ServeHTTP(w, r)
	})
	sent := reg.On(http.MethodPatch, "", 1, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if late {
			<-hashed
		}
		if err := change(filepath.Join(dir, "cache.jsonl.gz")); err != nil {
			t.Error(err)
		}
		next.ServeHTTP(w, r)
	})
	_, err := newClient(t, fast()).PushSnapshot(t.Context(), repository(t, reg), []string{"latest"}, unhashed(t, dir), leioci.AllowMoveBack())
	if sent.Hits() == 0 {
		must(t, err)
		return false
	}
	if !errors.Is(err, want) {
		t.Errorf("got %v", err)
	}
	if want == nil {
		assertPulls(t, reg, "latest", kept)
	} else if n := requestCount(reg, "PUT /v2/org/lei-cache/manifests/"); n > 0 {
		t.Errorf("the manifest was put")
	}
	return true
}

func TestNothingOfALargeFileIsSentIfThePushIsRefused(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c, repo := newClient(t), repository(t, reg)
	pushSnapshot(t, c, reg, leiocitest.WriteSnapshot(t, tuesday, report), "latest")
	for _, size := range []int64{largeEnough, endless} {
		before := len(reg.Requests())
		_, err := c.PushSnapshot(t.Context(), repo, []string{"2026-02-09", "latest"}, unhashed(t, largeSnapshot(t, monday, size)))
		if !errors.Is(err, leioci.ErrOlder) {
			t.Errorf("got %v", err)
		}
		for _, r := range reg.Requests()[before:] {
			if strings.HasPrefix(r, "PATCH ") || strings.HasPrefix(r, "PUT ") {
				t.Errorf("it was sent: %s", r)
			}
		}
	}
	fresh := leiocitest.NewRegistry(t) // which no earlier push can still reach
	changed := largeSnapshot(t, tuesday, largeEnough)
	img := unhashed(t, changed)
	must(t, os.Truncate(filepath.Join(changed, "cache.jsonl.gz"), 1))
	future := must2(leioci.PackageSnapshot(t.Context(), openSnapshot(t, largeSnapshot(t, time.Now().AddDate(1, 0, 0), endless)), leioci.PackageFuture()))
	version := leioci.Annotations(map[string]string{"org.opencontainers.image.version": "2026-02-01"})
	otherwise := must2(leioci.PackageSnapshot(t.Context(), openSnapshot(t, largeSnapshot(t, monday, endless)), version))
	for _, tc := range []struct {
		img  v1.Image
		tag  string
		want error
	}{
		{img, "latest", leioci.ErrVerification},
		{future, "latest", leioci.ErrFuture},
		{otherwise, "latest", leioci.ErrNotSnapshot},
		{otherwise, "no tag", leioci.ErrInvalidReference},
	} {
		if _, err := c.PushSnapshot(t.Context(), repository(t, fresh), []string{tc.tag}, tc.img); !errors.Is(err, tc.want) {
			t.Errorf("got %v, want %v", err, tc.want)
		}
	}
	if n := len(fresh.Requests()); n > 0 {
		t.Errorf("%d requests were made", n)
	}
}

func TestAPushOfALargeFileEndsWithItsContext(t *testing.T) {
	stop := errors.New("stop")
	for _, phase := range []struct {
		method, path string
		size         int64
	}{
		{http.MethodGet, "/manifests/", endless},
		{http.MethodPost, "/blobs/", endless},
		{http.MethodPatch, "/blobs/", endless},
		{http.MethodPut, "/blobs/", largeEnough},
		{http.MethodPut, "/manifests/", largeEnough},
	} {
		synctest.Test(t, func(t *testing.T) { // which waits for all goroutines
			w := newTripWorld(t)
			ctx, cancel := context.WithCancelCause(t.Context())
			reached := make(chan struct{}, 10)
			go func() { <-reached; cancel(stop) }()
			w.reg.On(phase.method, phase.path, leiocitest.Always, leiocitest.Hang(reached))
			s := openSnapshot(t, largeSnapshot(t, newer, phase.size))
			img := must2(leioci.PackageSnapshot(t.Context(), s))
			_, err := w.client().PushSnapshot(ctx, w.repo, []string{"latest"}, img)
			if !errors.Is(err, stop) && !errors.Is(err, context.Canceled) {
				t.Errorf("%v: got %v", phase, err)
			}
			if n := w.take()["PUT manifests/latest"]; n > 0 && phase.path != "/manifests/" {
				t.Errorf("%v: the manifest was put", phase)
			}
		})
	}
}

func TestALargeFileIsSentWhateverTheRegistryThinksOfThat(t *testing.T) {
	for name, edit := range map[string]func(reg *leiocitest.Registry, c *collector){
		"it takes it": func(*leiocitest.Registry, *collector) {},
		"it loses it": func(_ *leiocitest.Registry, c *collector) { c.times = 1 },
		"it does not know PATCH": func(reg *leiocitest.Registry, _ *collector) {
			reg.On(http.MethodPatch, "", leiocitest.Always, leiocitest.Status(http.StatusMethodNotAllowed, "UNSUPPORTED"))
		},
		"it breaks off": func(reg *leiocitest.Registry, _ *collector) { reg.On(http.MethodPatch, "", 2, leiocitest.Cut()) },
	} {
		for _, concurrency := range []int{1, 4} {
			store := &collector{store: leiocitest.NewHandler(), respond: leiocitest.Status(http.StatusNotFound, "MANIFEST_BLOB_UNKNOWN")}
			reg := leiocitest.Serve(t, store)
			edit(reg, store)
			dir := largeSnapshot(t, monday, largeEnough)
			manifest := readFile(t, dir, "manifest.json")
			manifest = append(manifest, bytes.Repeat([]byte(" "), registry.StreamFrom)...)
			must(t, os.WriteFile(filepath.Join(dir, "manifest.json"), manifest, 0o600))
			_, err := newClient(t, fast(), leioci.WithConcurrency(concurrency)).PushSnapshot(t.Context(), repository(t, reg), []string{"2026-02-09", "latest"}, unhashed(t, dir))
			if err != nil {
				t.Errorf("%s, %d at a time: %v", name, concurrency, err)
				continue
			}
			assertPulls(t, reg, "latest", dir)
		}
	}
}

func TestAPushThatFailsBeforeItsFilesAreHashedNamesNoDigest(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	reg.On(http.MethodPost, "", leiocitest.Always, leiocitest.Status(http.StatusForbidden, "DENIED"))
	_, err := newClient(t).PushSnapshot(t.Context(), repository(t, reg), []string{"a", "b"}, unhashed(t, largeSnapshot(t, monday, endless)))
	var push *leioci.PushError
	if !errors.As(err, &push) || !errors.Is(err, leioci.ErrDenied) || len(push.Failed) != 2 {
		t.Fatalf("got %v", err)
	}
	if push.Digest.DigestStr() != "" || push.Digest.Context() != repository(t, reg) || strings.Contains(err.Error(), "@:") {
		t.Errorf("got %v for %q", err, push.Digest)
	}
}

func TestAPushHashesUnderItsOwnContext(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	ctx, cancel := context.WithCancel(t.Context())
	img := must2(leioci.PackageSnapshot(ctx, openSnapshot(t, leiocitest.WriteSnapshot(t, monday))))
	cancel()
	if _, err := newClient(t).PushSnapshot(ctx, repository(t, reg), []string{"latest"}, img); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	_, err := newClient(t).PushSnapshot(t.Context(), repository(t, reg), []string{"latest"}, img)
	must(t, err)
}
