package leioci_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

const (
	cacheFile    = "cache.jsonl.gz"
	manifestFile = "manifest.json"
	cacheSize    = 8 << 20
)

func TestAPullTellsHowFarEachFileHasCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, dir := newProgressWorld(t), filepath.Join(t.TempDir(), "lei")
		w.push()
		w.events = nil
		w.reg.On(http.MethodGet, "/blobs/", leiocitest.Always, leiocitest.Drip(32<<10, 5*time.Millisecond)) // in ranges, soon
		w.pull(dir)
		all := slices.Clone(w.events)
		got := w.events.of(t, cacheFile)
		end := last(got)
		if len(got) < 4 || !increasing(got) || end.Phase != leioci.PhaseDone || end.Done != cacheSize || end.Total != cacheSize || end.Resumed != 0 {
			t.Errorf("got %+v", got)
		}
		for _, e := range got[:len(got)-1] {
			if e.Phase != leioci.PhaseFetching || e.Place != w.repo.String() && e.Done > 0 || e.Digest != end.Digest || e.Blob != end.Blob {
				t.Errorf("got %+v", e)
			}
		}
		if small := last(all.of(t, manifestFile)); small.Phase != leioci.PhaseDone || small.Blob == end.Blob {
			t.Errorf("got %+v", small)
		}
		w.pull(dir)
		if end := last(w.events.of(t, cacheFile)); end.Phase != leioci.PhaseReused || end.Done != cacheSize || end.Place != "" {
			t.Errorf("what is there: %+v", end)
		}
	})
}

// TestWhatComesInRangesCountsWhenItComes compares with the rate of one stream.
func TestWhatComesInRangesCountsWhenItComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newProgressWorld(t)
		w.push()
		const rate = 32 << 10 * 1000 / 5 // of a stream, in bytes a second
		w.reg.On(http.MethodGet, "/blobs/", leiocitest.Always, leiocitest.Drip(32<<10, 5*time.Millisecond))
		begun, ahead := time.Now(), false
		_, err := w.client.PullSnapshot(t.Context(), w.repo.Tag("latest"), filepath.Join(t.TempDir(), "lei"), leioci.Progress(func(e leioci.Event) {
			one := int64(rate * time.Since(begun).Seconds())
			ahead = ahead || e.Phase == leioci.PhaseFetching && e.Done > 2*one
		}))
		must(t, err)
		if !ahead {
			t.Error("no more is there at any time than one stream brings")
		}
	})
}

func TestWhatAnInterruptedPullLeftIsToldApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, dir := newProgressWorld(t), filepath.Join(t.TempDir(), "lei")
		w.push()
		w.reg.On(http.MethodGet, "/blobs/", leiocitest.Always, leiocitest.Drip(32<<10, 5*time.Millisecond))
		ctx, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond)
		defer cancel()
		w.events = nil
		if _, err := w.client.PullSnapshot(ctx, w.repo.Tag("latest"), dir, w.events.option()); err == nil {
			t.Fatal("it was not interrupted")
		}
		left := last(w.events.of(t, cacheFile))
		if left.Phase != leioci.PhaseFetching || left.Done == 0 || left.Done == cacheSize {
			t.Fatalf("got %+v", left)
		}
		w.pull(dir)
		got := w.events.of(t, cacheFile)
		end := last(got)
		// What came last may not have got to the disk, or to the one who was told.
		if !increasing(got) || end.Done != cacheSize || end.Resumed < cacheSize/4 || end.Resumed > left.Done+cacheSize/8 {
			t.Errorf("left %d bytes, resumed %+v", left.Done, end)
		}
	})
}

func TestContentThatIsWrongIsTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newMirrorWorld(t)
		lies := w.hosts[mirrorA].On(http.MethodGet, "/blobs/", leiocitest.Always, func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
			wrong := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { leiocitest.Corrupt(0)(rw, r, registry) })
			leiocitest.Drip(1<<10, 20*time.Millisecond)(rw, r, wrong)
		})
		w.hosts[mirrorB].On(http.MethodGet, "/blobs/", leiocitest.Always, leiocitest.Drip(1<<10, 20*time.Millisecond))
		var got events
		_, err := w.client(w.mirrors()).PullSnapshot(t.Context(), w.repos[mainHost].Tag("latest"), filepath.Join(t.TempDir(), "lei"), got.option())
		must(t, err)
		of := got.of(t, cacheFile)
		wrongly := slices.ContainsFunc(of, func(e leioci.Event) bool { return e.Place == w.repos[mirrorA].String() && e.Done > e.Total/2 })
		if end := last(of); !wrongly || increasing(of) || end.Phase != leioci.PhaseDone || end.Done != end.Total || end.Place != w.repos[mirrorB].String() {
			t.Errorf("after %d requests, got %+v", lies.Hits(), of)
		}
	})
}

func TestAPushTellsHowFarEachFileWasSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, size := range map[string]int64{"hashed first": 1 << 20, "hashed while it is sent": largeEnough} {
			w := newProgressWorld(t)
			must(t, os.Truncate(filepath.Join(w.src, cacheFile), size))
			w.reg.On(http.MethodPut, "/blobs/uploads/", leiocitest.Always, takenSlowly)
			w.reg.On(http.MethodPatch, "/blobs/uploads/", leiocitest.Always, takenSlowly)
			w.push()
			all := slices.Clone(w.events)
			got := w.events.of(t, cacheFile)
			end := last(got)
			sending := slices.ContainsFunc(got, func(e leioci.Event) bool {
				return e.Phase == leioci.PhaseUploading && e.Done > 0 && e.Done < size
			})
			if !sending || !increasing(got) || end.Phase != leioci.PhaseDone || end.Done != size || end.Digest.Hex == "" || end.Place != w.repo.String() {
				t.Errorf("%s: got %+v", name, got)
			}
			for _, other := range []string{manifestFile, "config"} {
				again := slices.Clone(all)
				if end := last(again.of(t, other)); end.Phase != leioci.PhaseDone || end.Digest.Hex == "" {
					t.Errorf("%s: got %+v", name, end)
				}
			}
			w.push()
			if end := last(w.events.of(t, cacheFile)); end.Phase != leioci.PhaseReused || end.Done != size || end.Digest.Hex == "" {
				t.Errorf("%s, and there: got %+v", name, end)
			}
			// No tag tells that the blobs are there, but the registry does when it is asked.
			_, err := w.client.PushSnapshot(t.Context(), w.repo, []string{"other"}, must2(leioci.Package(t.Context(), w.src)), w.events.option())
			must(t, err)
			if end := last(w.events.of(t, cacheFile)); size >= largeEnough && end.Phase != leioci.PhaseReused || end.Done != size {
				t.Errorf("%s, and found: got %+v", name, end)
			}
		}
	})
}

// takenSlowly is the registry, which takes its time to read.
func takenSlowly(w http.ResponseWriter, r *http.Request, registry http.Handler) {
	body, err := io.ReadAll(&slowBody{r.Body})
	if err != nil {
		return // the client has gone
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	registry.ServeHTTP(w, r)
}

type slowBody struct{ io.ReadCloser }

func (s *slowBody) Read(p []byte) (int, error) {
	time.Sleep(10 * time.Millisecond)
	return s.ReadCloser.Read(p[:min(len(p), 64<<10)])
}

func TestAnUploadThatBeginsAgainIsTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newProgressWorld(t)
		must(t, os.Truncate(filepath.Join(w.src, cacheFile), 1<<20))
		w.reg.On(http.MethodPut, "/blobs/uploads/", 3, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			_, _ = io.Copy(io.Discard, &slowBody{r.Body})
			w.WriteHeader(http.StatusServiceUnavailable)
		})
		w.reg.On(http.MethodPut, "/blobs/uploads/", leiocitest.Always, takenSlowly)
		w.push()
		got := w.events.of(t, cacheFile)
		if end := last(got); increasing(got) || end.Phase != leioci.PhaseDone || end.Done != 1<<20 {
			t.Errorf("got %+v", got)
		}
	})
}

func TestAnIndexIsToldWhileItIsMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where a call waits for whoever is told as long as it takes
		time.Sleep(time.Until(monday))
		dir, img := filepath.Join(t.TempDir(), "lei"), must2(leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, monday, report)))
		for _, first := range []leioci.Phase{leioci.PhaseDone, leioci.PhaseReused} {
			var got events
			_, err := leioci.Unpack(t.Context(), img, dir, leioci.IndexReports(), got.option())
			must(t, err)
			if end := last(got.of(t, cacheFile)); end.Phase != leioci.PhaseDone || end.Done != end.Total || end.Place != "" {
				t.Errorf("after %v: %+v", first, end)
			}
		}
	})
}

func TestATransferDoesNotWaitForWhoeverIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, dir := newProgressWorld(t), filepath.Join(t.TempDir(), "lei")
		w.push()
		var mu sync.Mutex
		calls, release := 0, make(chan struct{})
		stuck := leioci.Progress(func(leioci.Event) {
			mu.Lock()
			calls++
			mu.Unlock()
			<-release
		})
		begun := time.Now()
		_, err := w.client.PullSnapshot(t.Context(), w.repo.Tag("latest"), dir, stuck)
		must(t, err)
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("the pull took %v", took)
		}
		assertSame(t, w.src, dir, manifestFile, cacheFile)
		close(release)
		synctest.Wait()
		if calls != 1 {
			t.Errorf("%d calls", calls)
		}
	})
}

func TestAPanicOfWhoeverIsToldComesAfterTheTransfer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(monday))
		dir := filepath.Join(t.TempDir(), "lei")
		img := must2(leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, monday, report)))
		defer func() {
			if got := recover(); got != "broken" {
				t.Errorf("got %v", got)
			}
			must(t, openSnapshot(t, dir).Verify(t.Context()))
		}()
		_, err := leioci.Unpack(t.Context(), img, dir, leioci.Progress(func(leioci.Event) { panic("broken") }))
		t.Errorf("got %v", err)
	})
}

func TestProgressWithoutAFunctionIsAnError(t *testing.T) {
	img := must2(leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, monday, report)))
	if _, err := leioci.Unpack(t.Context(), img, t.TempDir(), leioci.Progress(nil)); err == nil || !strings.Contains(err.Error(), "Progress") {
		t.Errorf("got %v", err)
	}
}

func TestAWatchTellsOfEachPull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, dir := newProgressWorld(t), filepath.Join(t.TempDir(), "lei")
		w.push()
		w.pull(dir)
		w.events = nil
		looks := 0
		for _, err := range w.client.Watch(t.Context(), w.repo.Tag("latest"), dir, leioci.WatchOptions{EveryLook: true, Pull: []leioci.PullOption{w.events.option()}}) {
			must(t, err)
			if looks++; looks == 3 {
				break
			}
		}
		for _, e := range w.events { // it was read before the first look, and not again
			t.Errorf("got %+v", e)
		}
	})
}
