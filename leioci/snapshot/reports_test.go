package snapshot_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

func TestAMalformedLineIsReportedAndTheNextOneRead(t *testing.T) {
	for name, bad := range map[string]string{
		"an empty line":           "",
		"spaces":                  "  ",
		"no JSON":                 "hello",
		"half an object":          `{"data":{"repo":"x"`,
		"an array":                `[{"data":{}}]`,
		"null":                    "null",
		"a number":                "7",
		"two objects":             `{} {}`,
		"a comma after":           `{},`,
		"a number as repo":        `{"data":{"repo":5}}`,
		"an object as repo":       `{"data":{"repo":{}}}`,
		"a number header.repo":    `{"header":{"repo":5},"data":{"repo":"x"}}`,
		"a number as risk":        `{"data":{"risk":5}}`,
		"an array as data":        `{"data":[]}`,
		"a string as header":      `{"header":"x"}`,
		"a byte not UTF-8":        "{\"data\":{\"repo\":\"\xff\"}}",
		"a byte order mark":       "\ufeff{}",
		"two repos":               `{"data":{"repo":"first","repo":"second"}}`,
		"a repo and null":         `{"data":{"repo":"first","repo":null}}`,
		"two risks":               `{"data":{"repo":"a","risk":"critical","risk":"low"}}`,
		"two repos in a header":   `{"header":{"repo":"first","repo":"second"}}`,
		"data in two halves":      `{"data":{"repo":"a"},"data":{"risk":"low"}}`,
		"data, escaped, and null": `{"data":{"repo":"a"},"d\u0061ta":null}`,
		"two headers":             `{"header":null,"header":{"repo":"a"}}`,
		"nested 20,000 deep":      strings.Repeat(`{"data":`, 20000) + "1" + strings.Repeat("}", 20000),
		"20,000 brackets opened":  strings.Repeat(`[`, 20000),
	} {
		for position, lines := range map[string][]string{
			"first": {bad, "a", "b"}, "middle": {"a", bad, "b"}, "last": {"a", "b", bad},
		} {
			t.Run(name+" "+position, func(t *testing.T) {
				at := int64(slices.Index(lines, bad)) + 1
				var content strings.Builder
				for _, l := range lines {
					if l == bad {
						content.WriteString(bad + "\n")
					} else {
						content.WriteString(line(l))
					}
				}
				var repos []string
				for report, err := range openContent(t, content.String()).Reports(t.Context()) {
					if report.Line != at {
						if err != nil {
							t.Fatal(err)
						}
						repos = append(repos, report.Repo)
						continue
					}
					wantLineError(t, err, at, snapshot.ErrMalformed)
					if string(report.Raw) != bad {
						t.Errorf("raw %.50q", report.Raw)
					}
				}
				if !slices.Equal(repos, []string{"a", "b"}) {
					t.Errorf("got reports of %q besides", repos)
				}
			})
		}
	}
}

func TestARepoIsThatOfTheDataOrElseOfTheHeader(t *testing.T) {
	for text, want := range map[string]struct{ repo, risk string }{
		`{"header":{"repo":"h"},"data":{"repo":"d","risk":"high"}}`:            {"d", "high"},
		`{"header":{"repo":"h"},"data":{"risk":"low"}}`:                        {"h", "low"},
		`{"header":{"repo":"h"},"data":{"repo":null}}`:                         {"h", ""},
		`{"header":{"repo":"h"}}`:                                              {"h", ""},
		`{"header":{"repo":"h"},"data":null}`:                                  {"h", ""},
		`{"header":{"repo":"h"},"data":{"repo":""}}`:                           {"", ""},
		`{"header":{},"data":{}}`:                                              {"unknown", ""},
		`{}`:                                                                   {"unknown", ""},
		`{"data":{"repo":"d","REPO":"x","Repo":7,"Risk":"y","ri\u017fk":"z"}}`: {"d", ""},
		`{"data":{"repo":"d","risk":"low"},"Data":{"repo":"x"},"DATA":1}`:      {"d", "low"},
		`{"Header":{"repo":"x"},"HEADER":[],"data":{"risk":"low"}}`:            {"unknown", "low"},
		"\t{ \"data\" : {\"repo\":\"\\u00e9\\n\"} } \r":                        {"é\n", ""},
	} {
		n := 0
		for report, err := range openContent(t, text+"\n").Reports(t.Context()) {
			n++
			if err != nil || report.Repo != want.repo || report.Risk != want.risk || string(report.Raw) != text {
				t.Errorf("%s: got repo %q, risk %q, error %v", text, report.Repo, report.Risk, err)
			}
		}
		if n != 1 {
			t.Errorf("%s: %d reports", text, n)
		}
	}
}

func TestTheLastLineNeedsNoNewline(t *testing.T) {
	s := openContent(t, line("a")+strings.TrimSuffix(line("b"), "\n"))
	var repos []string
	for report, err := range s.Reports(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		repos = append(repos, report.Repo)
	}
	if !slices.Equal(repos, []string{"a", "b"}) {
		t.Errorf("got %q", repos)
	}
	if err := s.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestASnapshotOfNothingHasNoReports(t *testing.T) {
	s := openContent(t, "")
	for report, err := range s.Reports(t.Context()) {
		t.Errorf("got %+v, %v", report, err)
	}
	if err := s.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestLookupPassesOnMalformedLinesAndMatchesExactly(t *testing.T) {
	s := openContent(t, line("a")+"bad\n"+line("A")+line("a/")+line("a"))
	var found, bad []int64
	for report, err := range s.Lookup(t.Context(), "a") {
		if err != nil {
			wantLineError(t, err, 2, snapshot.ErrMalformed)
			bad = append(bad, report.Line)
			continue
		}
		found = append(found, report.Line)
	}
	if !slices.Equal(found, []int64{1, 5}) || !slices.Equal(bad, []int64{2}) {
		t.Errorf("found %v, malformed %v", found, bad)
	}
	for report, err := range s.Lookup(t.Context(), "a") {
		if err != nil || report.Line != 1 {
			t.Fatal(report.Line, err)
		}
		break
	}
}

func TestAnErrorNamesTheFileAndTheLine(t *testing.T) {
	content := line("a") + "bad\n"
	cache := compress(t, content)
	dir := write(t, describing(content, cache), cache)
	for _, err := range open(t, dir).Reports(t.Context()) {
		want := "read " + dir + "/cache.jsonl.gz: line 2: not a JSON report: "
		if err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %q, want %q...", err, want)
		}
		if lineErr := (*snapshot.LineError)(nil); errors.As(err, &lineErr) && lineErr.Unwrap() != lineErr.Err {
			t.Error("Unwrap is not Err")
		}
	}
}
