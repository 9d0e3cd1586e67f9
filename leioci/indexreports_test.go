package leioci_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

const repoA = "https://example.org/a"

// reportsOn returns a report on repoA with a risk, and one on another repository.
func reportsOn(risk string) []string {
	return []string{`{"data":{"repo":"` + repoA + `","risk":"` + risk + `"}}`, `{"data":{"repo":"https://example.org/b","risk":"low"}}`}
}

// wantIndexed checks that the snapshot in dir has an index that is believed as it is, that it says
// what the risk of repoA is, and that nothing is beside the files.
func wantIndexed(t *testing.T, dir, risk string) {
	t.Helper()
	index := filepath.Join(dir, snapshot.IndexFile)
	before, err := os.Stat(index)
	must(t, err)
	must(t, snapshot.Index(t.Context(), dir)) // makes another unless this one is believed without a comparison of digests
	if after, err := os.Stat(index); err != nil || !os.SameFile(before, after) {
		t.Errorf("the index does not fit: %v", err)
	}
	s, err := snapshot.Open(dir)
	must(t, err)
	defer s.Close()
	if indexed, err := s.Indexed(t.Context()); !indexed || err != nil {
		t.Errorf("indexed %v, %v", indexed, err)
	}
	if a, err := s.Risk(t.Context(), repoA); err != nil || a.Risk != risk || a.Reports != 1 {
		t.Errorf("got %+v, %v, want %s", a, err, risk)
	}
	want := []string{"cache.jsonl.gz", "config.json", "index.lei", "manifest.json", "oci-manifest.json"}
	if got := namesIn(t, dir); !slices.Equal(got, want) {
		t.Errorf("the directory has %q", got)
	}
	if got := namesIn(t, filepath.Dir(dir)); len(got) != 1 {
		t.Errorf("beside it is %q", got)
	}
}

func TestAPullThatIndexesLeavesADirectoryThatAnswersAtOnce(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c, latest := newClient(t), repository(t, reg).Tag("latest")
	dir := filepath.Join(t.TempDir(), "lei")
	pull := func(upToDate bool, opts ...leioci.PullOption) {
		t.Helper()
		res, err := c.PullSnapshot(t.Context(), latest, dir, opts...)
		must(t, err)
		if res.UpToDate != upToDate || upToDate && res.BytesFetched != 0 {
			t.Errorf("got %+v", res)
		}
	}
	pushSnapshot(t, c, reg, leiocitest.WriteSnapshot(t, monday, reportsOn("high")...), "latest")
	pull(false, leioci.IndexReports())
	wantIndexed(t, dir, "high")
	pull(true, leioci.IndexReports())
	pull(true) // leaves it
	wantIndexed(t, dir, "high")
	must(t, os.WriteFile(filepath.Join(dir, snapshot.TempPrefix+"1"), []byte("of a process that was killed"), 0o600))
	pushSnapshot(t, c, reg, leiocitest.WriteSnapshot(t, tuesday, reportsOn("low")...), "latest")
	pull(false, leioci.IndexReports())
	wantIndexed(t, dir, "low")
	pushSnapshot(t, c, reg, leiocitest.WriteSnapshot(t, tuesday.AddDate(0, 0, 1), reportsOn("medium")...), "latest")
	pull(false) // was not asked to
	if _, err := os.Stat(filepath.Join(dir, snapshot.IndexFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is an index: %v", err)
	}
	pull(true, leioci.IndexReports())
	wantIndexed(t, dir, "medium")
}

// The removal of the old directory changes what the file system says about a file that is in both.
func TestAnIndexFitsFilesThatWereNotFetchedAgain(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c, latest := newClient(t), repository(t, reg).Tag("latest")
	pushSnapshot(t, c, reg, leiocitest.WriteSnapshot(t, monday, reportsOn("high")...), "latest")
	for lost, opts := range map[string][]leioci.PullOption{snapshot.ManifestFile: nil, "oci-manifest.json": {leioci.IndexReports()}} {
		dir := filepath.Join(t.TempDir(), "lei")
		_, err := c.PullSnapshot(t.Context(), latest, dir, opts...)
		must(t, err)
		must(t, os.Remove(filepath.Join(dir, lost)))
		res, err := c.PullSnapshot(t.Context(), latest, dir, leioci.IndexReports())
		must(t, err)
		if res.UpToDate {
			t.Errorf("without %s it is up to date", lost)
		}
		wantIndexed(t, dir, "high")
	}
}

func TestUnpackIndexes(t *testing.T) {
	img, err := leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, monday, reportsOn("critical")...))
	must(t, err)
	dir := filepath.Join(t.TempDir(), "lei")
	_, err = leioci.Unpack(t.Context(), img, dir, leioci.IndexReports())
	must(t, err)
	wantIndexed(t, dir, "critical")
}

func TestReportsThatAreIndexedAreVerified(t *testing.T) {
	img, err := leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, monday, "no report"))
	must(t, err)
	dir := filepath.Join(t.TempDir(), "lei")
	_, err = leioci.Unpack(t.Context(), img, dir)
	must(t, err)
	for range 2 { // what is there, and what would replace it
		if _, err = leioci.Unpack(t.Context(), img, dir, leioci.IndexReports()); !errors.Is(err, snapshot.ErrMalformed) {
			t.Errorf("got %v", err)
		}
		must(t, os.RemoveAll(dir))
	}
}

func TestAWatchKeepsAnIndex(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newMirrorWorld(t)
		w.push(monday)
		latest, dir := w.repos[mainHost].Tag("latest"), filepath.Join(t.TempDir(), "lei")
		_, err := w.client().PullSnapshot(t.Context(), latest, dir)
		must(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		opts := leioci.WatchOptions{Interval: time.Minute, EveryLook: true, Pull: []leioci.PullOption{leioci.IndexReports()}}
		index, looks := filepath.Join(dir, snapshot.IndexFile), 0
		var before os.FileInfo
		for res, err := range w.client().Watch(ctx, latest, dir, opts) {
			must(t, err)
			after, err := os.Stat(index)
			must(t, err)
			switch looks++; looks {
			case 2:
				if !os.SameFile(before, after) {
					t.Error("it was made again")
				}
				must(t, os.Remove(index)) // and it comes back
			case 3:
				w.push(tuesday)
			case 4:
				wantIndexed(t, dir, res.Date.Format(time.DateOnly))
				cancel()
			}
			before = after
		}
		if looks != 4 {
			t.Errorf("%d checks", looks)
		}
	})
}
