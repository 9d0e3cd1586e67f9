package snapshot_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

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
		"a long line":     {line("a"), `{"x":"` + strings.Repeat("x", 2<<20) + `"}` + "\n", line("b")},
	} {
		for _, perMember := range []int{0, 1, 3} {
			if len(lines) == 0 && perMember > 0 {
				continue // that would be no member at all
			}
			t.Run(fmt.Sprint(name, perMember), func(t *testing.T) {
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
	lines := randomLines(random, 4_000)
	for _, perMember := range []int{0, 5, 250} {
		dir := snapshotOf(t, lines, perMember)
		index(t, dir)
		s := open(t, dir)
		all := expected(t, s)
		names := slices.Collect(func(yield func(string) bool) {
			for n := range 40 {
				if !yield(fmt.Sprint("r", n*100+random.IntN(100))) {
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
