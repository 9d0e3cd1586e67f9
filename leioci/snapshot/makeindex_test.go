package snapshot_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// leftovers returns what is in dir beside a snapshot.
func leftovers(t testing.TB, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.Contains([]string{snapshot.ManifestFile, snapshot.CacheFile, snapshot.IndexFile}, e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestOnlyASnapshotInOrderIsIndexed(t *testing.T) {
	for name, test := range map[string]struct {
		content string
		change  manifest
		kind    error
	}{
		"malformed":  {line("a") + "bad\n", nil, snapshot.ErrMalformed},
		"mismatched": {line("a"), manifest{"entry_count": 2}, snapshot.ErrMismatch},
		"too much":   {line("a"), manifest{"raw_size": 5}, snapshot.ErrMismatch},
	} {
		cache := compress(t, test.content)
		m := describing(test.content, cache)
		for k, v := range test.change {
			m[k] = v
		}
		dir := write(t, m, cache)
		if err := snapshot.Index(t.Context(), dir); !errors.Is(err, test.kind) || errors.Is(err, snapshot.ErrNotIndexed) {
			t.Errorf("%s: got %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(dir, snapshot.IndexFile)); !errors.Is(err, fs.ErrNotExist) || len(leftovers(t, dir)) > 0 {
			t.Errorf("%s: %v, %v", name, err, leftovers(t, dir))
		}
	}
}

func TestReportsOutOfProportionAreNotIndexed(t *testing.T) {
	dir := snapshotOf(t, []string{strings.Repeat("{}\n", 450_000)}, 0)
	err := snapshot.Index(t.Context(), dir)
	if !errors.Is(err, snapshot.ErrNotIndexed) || !errors.Is(err, snapshot.ErrTooLarge) || len(leftovers(t, dir)) > 0 {
		t.Errorf("got %v", err)
	}
}

func TestVerifyAndIndexVerifiesWhatIsIndexed(t *testing.T) {
	dir := snapshotOf(t, []string{line("a"), line("b")}, 1)
	if err := snapshot.VerifyAndIndex(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, snapshot.CacheFile)
	cache, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, flip(cache, -8))
	if err := snapshot.VerifyAndIndex(t.Context(), dir); !errors.Is(err, snapshot.ErrCorrupt) {
		t.Errorf("got %v", err)
	}
}

func TestAnIndexThatCannotBeWrittenIsNotIndexed(t *testing.T) {
	dir := snapshotOf(t, []string{line("a")}, 0)
	if err := os.MkdirAll(filepath.Join(dir, snapshot.IndexFile, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := snapshot.Index(t.Context(), dir); !errors.Is(err, snapshot.ErrNotIndexed) {
		t.Errorf("got %v", err)
	}
	wantIndexed(t, dir, false)
	if names := leftovers(t, dir); len(names) > 0 {
		t.Errorf("left behind: %q", names)
	}
}

func TestIndexingEndsWithItsContext(t *testing.T) {
	dir := snapshotOf(t, []string{line("a")}, 0)
	cause := errors.New("the caller's own")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if err := snapshot.Index(ctx, dir); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
	if names := leftovers(t, dir); len(names) > 0 {
		t.Errorf("left behind: %q", names)
	}
	index(t, dir)
	s := open(t, dir)
	if _, err := s.Risk(ctx, "a"); !errors.Is(err, cause) {
		t.Errorf("Risk: %v", err)
	}
	for _, err := range s.Find(ctx, "a") {
		if !errors.Is(err, cause) {
			t.Errorf("Find: %v", err)
		}
	}
}

func TestSeveralMayIndexAndAskAtOnce(t *testing.T) {
	dir := snapshotOf(t, randomLines(rand.New(rand.NewPCG(5, 6)), 300), 50)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := snapshot.Index(t.Context(), dir); err != nil {
				t.Error(err)
			}
			s, err := snapshot.Open(dir)
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			for n := range 50 {
				ask(t, s, fmt.Sprint("r", n))
			}
		})
	}
	all.Wait()
	wantIndexed(t, dir, true)
	if names := leftovers(t, dir); len(names) > 0 {
		t.Errorf("left behind: %q", names)
	}
}

func TestAnIndexedSnapshotIsOpenedInLittleMemory(t *testing.T) {
	var lines []string
	for n := range 20_000 {
		lines = append(lines, line(fmt.Sprint("https://git.example.org/team/project-", n)))
	}
	dir := snapshotOf(t, lines, 1000)
	got := allocated(func() { index(t, dir) })
	if got > 48<<20 {
		t.Errorf("indexing: %d MiB were allocated", got>>20)
	}
	got = allocated(func() {
		s := open(t, dir)
		for n := range 100 {
			if a, err := s.Risk(t.Context(), fmt.Sprint("https://git.example.org/team/project-", n*200)); err != nil || !a.Known() {
				t.Fatal(a, err)
			}
		}
	})
	if got > 512<<10 { // the race detector keeps nothing in pools
		t.Errorf("asking: %d KiB were allocated", got>>10)
	}
}
