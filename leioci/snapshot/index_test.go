package snapshot_test

import (
	"bytes"
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
	"time"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// told is what a snapshot says about a repository.
type told struct {
	answer snapshot.Answer
	lines  []int64 // of its reports
	raw    string
}

// ask asks a snapshot about a repository in every way.
func ask(t testing.TB, s *snapshot.Snapshot, repo string) (got told) {
	t.Helper()
	var err error
	if got.answer, err = s.Risk(t.Context(), repo); err != nil {
		t.Fatal(err)
	}
	var found []int64
	for report, err := range s.Find(t.Context(), repo) {
		if errors.Is(err, snapshot.ErrUnknown) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		got.lines = append(got.lines, report.Line)
		got.raw += string(report.Raw) + "\n"
	}
	for report, err := range s.Lookup(t.Context(), repo) {
		if err != nil || report.Repo != repo {
			t.Fatal(report.Repo, err)
		}
		found = append(found, report.Line)
	}
	if !slices.Equal(found, got.lines) || int64(len(found)) != got.answer.Reports {
		t.Errorf("%.50q: Lookup %v, Find %v, Risk %+v", repo, found, got.lines, got.answer)
	}
	return got
}

// expected returns what Reports says about each repository.
func expected(t testing.TB, s *snapshot.Snapshot) map[string]told {
	t.Helper()
	all := map[string]told{}
	for report, err := range s.Reports(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		of := all[report.Repo]
		of.answer = snapshot.Answer{Repo: report.Repo, Reports: of.answer.Reports + 1, Risk: report.Risk}
		of.lines = append(of.lines, report.Line)
		of.raw += string(report.Raw) + "\n"
		all[report.Repo] = of
	}
	return all
}

// index makes the index of a directory.
func index(t testing.TB, dir string) {
	t.Helper()
	if err := snapshot.Index(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
}

// wantIndexed checks whether the snapshot in dir is indexed, and that it says what it should.
func wantIndexed(t testing.TB, dir string, want bool) {
	t.Helper()
	s := open(t, dir)
	if got, err := s.Indexed(t.Context()); err != nil || got != want {
		t.Errorf("indexed: %t, %v, want %t", got, err, want)
	}
	all := expected(t, s)
	for repo, want := range all {
		if got := ask(t, s, repo); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%.50q: got %.300v, want %.300v", repo, got, want)
		}
	}
	for _, repo := range []string{"none", "", "unknown"} {
		if _, known := all[repo]; known {
			continue
		}
		if got := ask(t, s, repo); got.answer != (snapshot.Answer{Repo: repo}) || got.raw != "" {
			t.Errorf("%q: got %+v", repo, got)
		}
	}
	if got, err := s.Indexed(t.Context()); err != nil || got != want {
		t.Errorf("indexed in the end: %t, %v, want %t", got, err, want)
	}
}

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

// snapshotOf makes a snapshot of lines, in one member or in one for each few.
func snapshotOf(t testing.TB, lines []string, perMember int) string {
	t.Helper()
	content := strings.Join(lines, "")
	cache := compress(t, content)
	if perMember > 0 {
		cache = nil
		for part := range slices.Chunk(lines, perMember) {
			cache = append(cache, compress(t, strings.Join(part, ""))...)
		}
	}
	return write(t, describing(content, cache), cache)
}

func TestTheSampleSaysTheSameWithAnIndex(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dir")
	if err := os.CopyFS(dir, os.DirFS(sampleDir)); err != nil {
		t.Fatal(err)
	}
	scanned, err := open(t, dir).Summary(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	index(t, dir)
	wantIndexed(t, dir, true)
	s := open(t, dir)
	if got, want := s.Metadata(), open(t, sampleDir).Metadata(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	got, err := s.Summary(t.Context())
	if err != nil || fmt.Sprint(got) != fmt.Sprint(scanned) {
		t.Errorf("got %v, %v, want %v", got, err, scanned)
	}
	if got.Reports != 200 || got.Risks["undetermined"] != 4 || got.Risks["critical"] != 64 || len(got.Riskiest) != 10 {
		t.Errorf("got %v", got)
	}
}

func TestAnIndexSaysWhatIsThere(t *testing.T) {
	long := strings.Repeat("n", 1<<20)
	var twice []string
	for n := range 150 { // more than a leaf has room for
		twice = append(twice, line("a"), line(fmt.Sprint("b", n%3)))
	}
	for name, lines := range map[string][]string{
		"nothing":         nil,
		"one report":      {line("a")},
		"no newline":      {line("a"), strings.TrimSuffix(line("b"), "\n")},
		"duplicates":      twice,
		"a long name":     {line("a"), line(long), line("b")},
		"no risk":         {`{"data":{"repo":"a"}}` + "\n"},
		"an unusual risk": {`{"data":{"repo":"a","risk":"dire"}}` + "\n", `{"data":{"repo":"b","risk":"LOW"}}` + "\n"},
		"no name":         {"{}\n", line("")},
		"escapes":         {`{"data":{"repo":"\u00e9\n","risk":"l\u006fw"}}` + "\n"},
		"a long line":     {line("a"), `{"x":"` + strings.Repeat("x", 5<<20) + `"}` + "\n", line("b")},
	} {
		for _, perMember := range []int{0, 1, 3} {
			t.Run(fmt.Sprint(name, perMember), func(t *testing.T) {
				if len(lines) == 0 && perMember > 0 {
					t.Skip("no member at all")
				}
				dir := snapshotOf(t, lines, perMember)
				wantIndexed(t, dir, false)
				index(t, dir)
				wantIndexed(t, dir, true)
				if names := leftovers(t, dir); len(names) > 0 {
					t.Errorf("left behind: %q", names)
				}
			})
		}
	}
}

// randomLines returns reports of which some are about the same repository.
func randomLines(random *rand.Rand, n int) (lines []string) {
	for range n {
		padding := make([]byte, random.IntN(500))
		for i := range padding {
			padding[i] = "0123456789abcdef"[random.IntN(16)]
		}
		risk := []string{"critical", "high", "medium", "low", "undetermined", "", "other"}[random.IntN(7)]
		lines = append(lines, fmt.Sprintf(`{"header":{"x":"%s"},"data":{"repo":"r%d","risk":"%s"}}`+"\n", padding, random.IntN(n), risk))
	}
	return lines
}

func TestAnIndexOfManyReportsSaysWhatAScanSays(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	lines := randomLines(random, 10_000)
	for _, perMember := range []int{0, 5, 250} {
		dir := snapshotOf(t, lines, perMember)
		index(t, dir)
		s := open(t, dir)
		all := expected(t, s)
		names := slices.Collect(func(yield func(string) bool) {
			for n := range 40 {
				if !yield(fmt.Sprint("r", n*250+random.IntN(250))) {
					return
				}
			}
		})
		answers, err := s.Risks(t.Context(), names...)
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range names {
			want := all[name]
			want.answer.Repo = name
			if got := ask(t, s, name); answers[i] != want.answer || fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("%s: got %v and %.100v, want %.100v", name, answers[i], got, want)
			}
		}
		if indexed, err := s.Indexed(t.Context()); !indexed || err != nil {
			t.Errorf("the index was given up: %v", err)
		}
	}
}

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

func TestAWrongLineIsToldWhenThereIsNoIndex(t *testing.T) {
	s := openContent(t, line("a")+"bad\n"+line("b"))
	answers, err := s.Risks(t.Context(), "a", "b", "c")
	wantLineError(t, err, 2, snapshot.ErrMalformed)
	if fmt.Sprint(answers) != "[{a 1 low} {b 1 low} {c 0 }]" {
		t.Errorf("got %v", answers)
	}
	sum, err := s.Summary(t.Context())
	wantLineError(t, err, 2, snapshot.ErrMalformed)
	if sum.Reports != 2 || sum.Risks["low"] != 2 {
		t.Errorf("got %v", sum)
	}
	unknown := 0
	for _, err := range s.Find(t.Context(), "c") {
		if errors.Is(err, snapshot.ErrUnknown) {
			unknown++
		}
	}
	if unknown != 1 {
		t.Errorf("%d times unknown", unknown)
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
