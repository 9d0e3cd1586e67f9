package snapshot_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// risksOf makes up reports, and returns the last risk of each repository that they are about.
func risksOf(r *rand.Rand, n int) (reports []string, last map[string]string) {
	risks := []string{"critical", "high", "medium", "low", "undetermined", "", "strange"}
	last = map[string]string{}
	for range n {
		repo, risk := fmt.Sprintf("https://example.org/r%d", r.IntN(n)), risks[r.IntN(len(risks))]
		reports = append(reports, fmt.Sprintf(`{"data":{"repo":"%s.git","risk":%q,"x":"%0*d"}}`+"\n", repo, risk, r.IntN(2000), r.Int64()))
		if last[repo] = risk; risk == "strange" {
			last[repo] = snapshot.OtherRisk
		}
	}
	return reports, last
}

func TestCompareFindsWhatDiffers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 3, 200, 3000} {
		var open2 [2]*snapshot.Snapshot
		var last [2]map[string]string
		for i := range open2 {
			var reports []string
			reports, last[i] = risksOf(r, n)
			dir := snapshotOf(t, reports, 700*i*min(n, 1))
			open2[i] = open(t, dir)
			temp := t.TempDir()
			if err := open2[i].IndexIn(t.Context(), temp); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(filepath.Join(dir, snapshot.IndexFile)); err == nil {
				t.Error("the snapshot's own directory was written to")
			}
		}
		want := map[string]string{}
		for i := range last {
			for repo := range last[i] {
				if a, b := last[0][repo], last[1][repo]; a != b || (i == 0) && !has(last[1], repo) || (i == 1) && !has(last[0], repo) {
					want[repo] = a + ">" + b
				}
			}
		}
		got, seen := map[string]string{}, 0
		for c, err := range snapshot.Compare(t.Context(), open2[0], open2[1], func(a, b snapshot.Answer) bool {
			seen++
			return a.Risk != b.Risk || a.Known() != b.Known()
		}) {
			if _, twice := got[c.Repo]; twice || err != nil {
				t.Fatalf("%s twice: %v", c.Repo, err)
			}
			got[c.Repo] = c.From.Risk + ">" + c.To.Risk
		}
		if !maps.Equal(got, want) {
			t.Errorf("%d: got %d changes, want %d", n, len(got), len(want))
		}
		maps.Copy(last[0], last[1])
		if seen != len(last[0]) {
			t.Errorf("%d: got %d repositories, want %d", n, seen, len(last[0]))
		}
	}
}

func has(m map[string]string, key string) bool {
	_, ok := m[key]
	return ok
}

func TestCompareNeedsIndexesAndStops(t *testing.T) {
	dir := snapshotOf(t, []string{line("a"), line("b"), line("c")}, 2)
	all := func(snapshot.Answer, snapshot.Answer) bool { return true }
	s := open(t, dir)
	for _, err := range snapshot.Compare(t.Context(), s, s, all) {
		if !errors.Is(err, snapshot.ErrNotIndexed) {
			t.Errorf("without an index: %v", err)
		}
	}
	index(t, dir)
	s = open(t, dir)
	if err := s.IndexIn(t.Context(), filepath.Join(dir, "absent")); err != nil {
		t.Errorf("it has one: %v", err)
	}
	n := 0
	for _, err := range snapshot.Compare(t.Context(), s, s, all) {
		if n++; err != nil {
			t.Error(err)
		}
		break
	}
	if n != 1 {
		t.Errorf("%d", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range snapshot.Compare(ctx, s, s, all) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("canceled: %v", err)
		}
	}
}

func TestCompareNoticesAnIndexThatIsDamagedLater(t *testing.T) {
	dir := snapshotOf(t, []string{line("a"), line("b"), line("c")}, 2)
	index(t, dir)
	s := open(t, dir)
	for name, from := range map[string]int{snapshot.IndexFile: 4096, snapshot.CacheFile: 0} {
		noticesDamage(t, s, filepath.Join(dir, name), from)
	}
}

// noticesDamage damages a file of an open snapshot, byte by byte.
func noticesDamage(t *testing.T, s *snapshot.Snapshot, path string, from int) {
	t.Helper()
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer writeFile(t, path, good)
	noticed, step := 0, max(len(good)/1000, 1)
	for at := from; at < len(good); at += step {
		writeFile(t, path, flip(good, at))
		names := map[string]bool{}
		damaged := false
		for c, err := range snapshot.Compare(t.Context(), s, s, func(snapshot.Answer, snapshot.Answer) bool { return true }) {
			switch {
			case err == nil:
				names[c.Repo] = true
			case errors.Is(err, snapshot.ErrChanged):
				damaged = true
				noticed++
			default:
				t.Errorf("byte %d: %v", at, err)
			}
		}
		if !damaged && !maps.Equal(names, map[string]bool{"a": true, "b": true, "c": true}) {
			t.Errorf("%s, byte %d: got %v", path, at, names)
		}
	}
	if noticed == 0 {
		t.Error("nothing was noticed")
	}
}

func TestIndexInIsNoWayPastVerifying(t *testing.T) {
	content := line("a")
	cache := compress(t, content)
	m := describing(content, cache)
	m["entry_count"] = 2
	s := open(t, write(t, m, cache))
	temp := t.TempDir()
	if err := s.IndexIn(t.Context(), temp); !errors.Is(err, snapshot.ErrMismatch) {
		t.Errorf("got %v", err)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if err := open(t, write(t, describing(content, cache), cache)).IndexIn(t.Context(), filepath.Join(temp, "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an absent directory: %v", err)
	}
}

func TestASnapshotThatWasNotOpenedHasNoIndex(t *testing.T) {
	var s snapshot.Snapshot
	if err := s.IndexIn(t.Context(), t.TempDir()); err == nil {
		t.Error("no error")
	}
}
