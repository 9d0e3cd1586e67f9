package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	logtest "github.com/sirupsen/logrus/hooks/test"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

var day = time.Date(2026, 2, 8, 0, 0, 0, 0, time.UTC)

func TestADirectoryIsIndexedOnceAndThenReadyAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	must(t, os.CopyFS(dir, os.DirFS("../../leioci/testdata/lei-0.9.1")))
	var index fs.FileInfo
	for range 2 {
		in, err := load(t.Context(), dir, 1<<30)
		must(t, err)
		if in.info.Reports != 200 || in.info.Date != "2026-02-08" ||
			in.info.Digest != "sha256:22698cac51675520fc8aa978bce0c53f2399dc5eb7d44d4e93f2285cb51a4ba8" {
			t.Errorf("%+v", in.info)
		}
		must(t, in.Close())
		now, err := os.Stat(filepath.Join(dir, snapshot.IndexFile))
		must(t, err)
		if index != nil && !os.SameFile(index, now) {
			t.Error("the index was made again")
		}
		index = now
	}
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
			in, err := load(t.Context(), dir, tc.most)
			if in != nil || err == nil || tc.want != nil && !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v, %v", in, err)
			}
			left, err := filepath.Glob(filepath.Join(dir, snapshot.TempPrefix+"*"))
			if err != nil || len(left) > 0 || strings.Contains(entries(t, parent), " ") {
				t.Errorf("left behind: %v, %v, beside %s", left, err, entries(t, parent))
			}
		})
	}
}

func TestASnapshotThatIsReplacedIsClosedAfterItsLastRequest(t *testing.T) {
	log, _ := logtest.NewNullLogger()
	c := &current{log: log}
	another := func() *served {
		in, err := load(t.Context(), leiocitest.WriteSnapshot(t, day, reports("2026-02-08")...), 1<<20)
		must(t, err)
		return in
	}
	ask := func(in *served) error {
		_, err := in.Risk(t.Context(), repoA)
		return err
	}
	c.swap(another())
	first, release1 := c.acquire()
	same, release2 := c.acquire()
	if first == nil || first != same {
		t.Fatal("two requests got two snapshots")
	}
	c.swap(another())
	second, release3 := c.acquire()
	if second == first {
		t.Error("a new request got the old snapshot")
	}
	release1()
	release3()
	if err := ask(same); err != nil {
		t.Errorf("a request lost its snapshot: %v", err)
	}
	release2()
	if err := ask(first); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("the old snapshot is still open: %v", err)
	}
	c.swap(nil)
	if err := ask(second); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("the last snapshot is still open: %v", err)
	}
}

func BenchmarkLoad(b *testing.B) {
	const n = 10_000
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprintf(`{"data":{"repo":"https://example.org/team-%02d/project-%06d","risk":"low","filler":%q}}`, i%23, i, strings.Repeat("x", 2800))
	}
	dir := leiocitest.WriteSnapshot(b, day, lines...)
	for _, name := range []string{"none", "indexed"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if name == "none" {
					must(b, os.RemoveAll(filepath.Join(dir, snapshot.IndexFile)))
				}
				in, err := load(b.Context(), dir, 1<<30)
				must(b, err)
				must(b, in.Close())
			}
		})
	}
}
