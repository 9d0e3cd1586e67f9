package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	logtest "github.com/sirupsen/logrus/hooks/test"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

var day = time.Date(2026, 2, 8, 0, 0, 0, 0, time.UTC)

func TestTheIndexHasWhatTheSnapshotHas(t *testing.T) {
	const sample = "../../leioci/testdata/lei-0.9.1"
	dir := filepath.Join(t.TempDir(), "cache")
	must(t, os.CopyFS(dir, os.DirFS(sample)))
	ix, err := load(t.Context(), dir, 1<<30)
	must(t, err)
	s, err := snapshot.Open(sample)
	must(t, err)
	defer s.Close()
	n := 0
	for report, err := range s.Reports(t.Context()) {
		must(t, err)
		found := ix.reports[report.Repo]
		if len(found) != 1 || found[0].risk.Value() != report.Risk {
			t.Fatalf("line %d: found %d", report.Line, len(found))
		}
		if raw, err := ix.read(found[0]); err != nil || string(raw) != string(report.Raw) {
			t.Fatalf("line %d: %.80s, %v", report.Line, raw, err)
		}
		n++
	}
	if n != 200 || ix.info.Reports != 200 || ix.info.Date != "2026-02-08" ||
		ix.info.Digest != "sha256:22698cac51675520fc8aa978bce0c53f2399dc5eb7d44d4e93f2285cb51a4ba8" {
		t.Errorf("%d reports, %+v", n, ix.info)
	}
	if left := entries(t, filepath.Dir(dir)); left != "cache" && runtime.GOOS != "windows" {
		t.Errorf("a killed process would leave %s behind", left)
	}
	must(t, ix.close())
	if left := entries(t, filepath.Dir(dir)); left != "cache" {
		t.Errorf("left behind: %s", left)
	}
}

// entries lists the names in a directory.
func entries(t *testing.T, dir string) string {
	t.Helper()
	var names []string
	list, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range list {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func TestWhatCannotBeLoadedLeavesNothingBehind(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(t *testing.T, dir string)
		most  int64
		want  error
		says  string
	}{
		"absent":    {spoil: func(t *testing.T, dir string) { must(t, os.RemoveAll(dir)) }, want: fs.ErrNotExist},
		"cut short": {spoil: func(t *testing.T, dir string) { must(t, os.Truncate(filepath.Join(dir, "cache.jsonl.gz"), 30)) }, want: snapshot.ErrCorrupt},
		"no LEI metadata": {spoil: func(t *testing.T, dir string) {
			must(t, os.WriteFile(filepath.Join(dir, "manifest.json"), []byte("{}"), 0o644))
		}, want: snapshot.ErrNotSnapshot},
		"too much": {most: 10, says: "raise -max-content, which is 10"},
	} {
		t.Run(name, func(t *testing.T) {
			parent := t.TempDir()
			dir := filepath.Join(parent, "cache")
			must(t, os.CopyFS(dir, os.DirFS(leiocitest.WriteSnapshot(t, day, reports("2026-02-08")...))))
			if tc.spoil != nil {
				tc.spoil(t, dir)
			}
			if tc.most == 0 {
				tc.most = 1 << 20
			}
			ix, err := load(t.Context(), dir, tc.most)
			if ix != nil || err == nil || tc.want != nil && !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v, %v", ix, err)
			}
			left, err := filepath.Glob(filepath.Join(parent, ".lei-watch-*"))
			if err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestAnIndexThatIsReplacedIsClosedAfterItsLastRequest(t *testing.T) {
	log, _ := logtest.NewNullLogger()
	c := &current{log: log}
	indexOf := func() *index {
		ix, err := load(t.Context(), leiocitest.WriteSnapshot(t, day, reports("2026-02-08")...), 1<<20)
		must(t, err)
		return ix
	}
	c.swap(indexOf())
	first, release1 := c.acquire()
	same, release2 := c.acquire()
	if first == nil || first != same {
		t.Fatal("two requests got two indexes")
	}
	c.swap(indexOf())
	second, release3 := c.acquire()
	if second == first {
		t.Error("a new request got the old index")
	}
	release1()
	release3()
	if _, err := same.read(same.reports[repoA][1]); err != nil {
		t.Errorf("a request lost its index: %v", err)
	}
	release2()
	if _, err := first.read(first.reports[repoA][1]); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("the old index is still open: %v", err)
	}
	c.swap(nil)
	if _, err := second.read(second.reports[repoA][1]); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("the last index is still open: %v", err)
	}
}

// BenchmarkLookUp compares the index with reading the snapshot for each lookup.
func BenchmarkLookUp(b *testing.B) {
	const n = 10_000
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprintf(`{"data":{"repo":"https://example.org/team-%02d/project-%06d","risk":"low","filler":%q}}`, i%23, i, strings.Repeat("x", 2800))
	}
	dir := leiocitest.WriteSnapshot(b, day, lines...)
	last := fmt.Sprintf("https://example.org/team-%02d/project-%06d", (n-1)%23, n-1)
	b.Run("index", func(b *testing.B) {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		ix, err := load(b.Context(), dir, 1<<30)
		must(b, err)
		runtime.GC()
		runtime.ReadMemStats(&after)
		for b.Loop() {
			if raw, err := ix.read(ix.reports[last][0]); err != nil || len(raw) == 0 {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "B/report")
		must(b, ix.close())
	})
	b.Run("load", func(b *testing.B) {
		for b.Loop() {
			ix, err := load(b.Context(), dir, 1<<30)
			must(b, err)
			must(b, ix.close())
		}
	})
	b.Run("scan", func(b *testing.B) {
		for b.Loop() {
			s, err := snapshot.Open(dir)
			must(b, err)
			for _, err := range s.Lookup(b.Context(), last) {
				must(b, err)
			}
			must(b, s.Close())
		}
	})
}
