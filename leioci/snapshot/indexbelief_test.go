package snapshot_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

func TestADamagedIndexIsNeverBelievedAndMadeAnew(t *testing.T) {
	dir := snapshotOf(t, []string{line("a"), line("b"), line("a")}, 2)
	index(t, dir)
	path := filepath.Join(dir, snapshot.IndexFile)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	check := func(data []byte, what string, at int) {
		writeFile(t, path, data)
		s, err := snapshot.Open(dir)
		if err != nil {
			t.Fatal(what, at, err)
		}
		defer s.Close()
		answers, err := s.Risks(t.Context(), "a", "b", "c")
		if err != nil || fmt.Sprint(answers) != "[{a 2 low} {b 1 low} {c 0 }]" {
			t.Errorf("%s %d: got %v, %v", what, at, answers, err)
		}
		var found []int64
		for report, err := range s.Find(t.Context(), "a") {
			if found = append(found, report.Line); err != nil || report.Repo != "a" {
				t.Errorf("%s %d: %v", what, at, err)
			}
		}
		if !slices.Equal(found, []int64{1, 3}) || s.Metadata().EntryCount != 3 {
			t.Errorf("%s %d: found %v", what, at, found)
		}
	}
	for i := range good {
		if zeros := i > 500 && i < 4090 || i > 4400 && i < len(good)-700; zeros && i%64 > 0 {
			continue // pages are mostly empty here
		}
		check(flip(good, i), "byte", i)
	}
	for n := 0; n < len(good); n += 101 {
		check(good[:n], "length", n)
	}
	check(append(bytes.Clone(good), 0), "longer", 1)
	for _, at := range []int{0, 5, 300, 4090, 4097, 4130, 4200, len(good) - 5} {
		writeFile(t, path, flip(good, at))
		index(t, dir)
		wantIndexed(t, dir, true)
	}
}

func TestAnIndexOfAnotherSnapshotIsNotBelieved(t *testing.T) {
	one, other := snapshotOf(t, []string{line("a"), line("b")}, 0), snapshotOf(t, []string{line("c"), line("d")}, 0)
	index(t, one)
	index(t, other)
	data, err := os.ReadFile(filepath.Join(one, snapshot.IndexFile))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(other, snapshot.IndexFile), data)
	wantIndexed(t, other, false)
	index(t, other)
	wantIndexed(t, other, true)
}

func TestAnIndexOfYesterdaysReportsIsNotBelieved(t *testing.T) {
	dir := snapshotOf(t, []string{line("a"), line("b")}, 0)
	index(t, dir)
	content := line("a") + line("c")
	cache := compress(t, content)
	writeIn(t, dir, describing(content, cache), cache)
	wantIndexed(t, dir, false)
	index(t, dir)
	wantIndexed(t, dir, true)
}

func TestAChangedManifestIsSeen(t *testing.T) {
	dir := snapshotOf(t, []string{line("a")}, 0)
	index(t, dir)
	path := filepath.Join(dir, snapshot.ManifestFile)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, bytes.Replace(data, []byte("2026-02-08"), []byte("2026-02-09"), 2))
	later := time.Now().Add(time.Second)
	if err := os.Chtimes(path, later, later); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	if got := s.Metadata().Date.Day(); got != 9 {
		t.Errorf("day %d", got)
	}
	wantIndexed(t, dir, false)
}

func TestACopiedDirectoryKeepsItsIndex(t *testing.T) {
	dir := snapshotOf(t, []string{line("a"), line("b")}, 0)
	index(t, dir)
	for range 2 {
		copied := filepath.Join(t.TempDir(), "copy")
		if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		wantIndexed(t, copied, true)
		dir = copied
		index(t, dir)
	}
}
