package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// writeTwoDays returns two snapshots with each kind of change.
func writeTwoDays(t *testing.T) (a, b string) {
	t.Helper()
	of := func(risks ...string) (reports []string) {
		for _, one := range risks {
			name, risk, _ := strings.Cut(one, " ")
			reports = append(reports, report("https://example.org/"+name, risk))
		}
		return reports
	}
	date := time.Date(2026, 2, 8, 0, 0, 0, 0, time.UTC)
	a = leiocitest.WriteSnapshot(t, date, of(`same "low"`, `worse "low"`, `worst "high"`, `better "critical"`, `gone "medium"`,
		`again "low"`, `again "high"`, `unsure "low"`, `odd null`, `othered "a"`)...)
	b = leiocitest.WriteSnapshot(t, date.AddDate(0, 0, 1), of(`same.git "low"`, `new "high"`, `worse "medium"`, `worst "critical"`,
		`better "low"`, `again "low"`, `unsure "undetermined"`, `odd "\u001b"`, `othered "b"`, "\u009b \"low\"")...)
	return a, b
}

func TestDiffPrintsWhatBecameWorseFirst(t *testing.T) {
	a, b := writeTwoDays(t)
	const want = `CHANGE   FROM          TO            REPOSITORY
worse    high          critical      https://example.org/worst
worse    low           medium        https://example.org/worse
worse    low           undetermined  https://example.org/unsure
better   high          low           https://example.org/again
better   critical      low           https://example.org/better
changed  none          other         https://example.org/odd
added    -             high          https://example.org/new
added    -             low           "https://example.org/\u009b"
removed  medium        -             https://example.org/gone
3 worse, 2 better, 1 changed, 2 added, 1 removed, 2 unchanged
`
	for range 2 {
		status, stdout, stderr := leiociFed(t, t.TempDir(), "", "diff", a, b)
		if status != 0 || stdout != want || stderr != "" {
			t.Errorf("%d, %s, %q", status, stdout, stderr)
		}
		if _, err := os.Stat(filepath.Join(a, snapshot.IndexFile)); err == nil {
			break
		}
		for _, dir := range []string{a, b} { // then with indexes
			if err := snapshot.Index(t.Context(), dir); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestDiffAsJSONIsAsDocumented(t *testing.T) {
	a, b := writeTwoDays(t)
	status, stdout, stderr := leiociFed(t, t.TempDir(), "", "diff", a, b, "--format", "json")
	want := `{
  "format_version": 1,
  "a": {
    "source": "` + a + `",
    "date": "2026-02-08",
    "created": "2026-02-08T00:00:00Z",
    "reports": 10
  },
  "b": {
    "source": "` + b + `",
    "date": "2026-02-09",
    "created": "2026-02-09T00:00:00Z",
    "reports": 10
  },
  "counts": {
    "worse": 3,
    "better": 2,
    "changed": 1,
    "added": 2,
    "removed": 1,
    "unchanged": 2
  },
  "changes": [
    {"change":"worse","repo":"https://example.org/worst","from":"high","to":"critical"},
    {"change":"worse","repo":"https://example.org/worse","from":"low","to":"medium"},
    {"change":"worse","repo":"https://example.org/unsure","from":"low","to":"undetermined"},
    {"change":"better","repo":"https://example.org/again","from":"high","to":"low"},
    {"change":"better","repo":"https://example.org/better","from":"critical","to":"low"},
    {"change":"changed","repo":"https://example.org/odd","from":"none","to":"other"},
    {"change":"added","repo":"https://example.org/new","to":"high"},
    {"change":"added","repo":"https://example.org/\u009b","to":"low"},
    {"change":"removed","repo":"https://example.org/gone","from":"medium"}
  ]
}
`
	if status != 0 || stdout != want || stderr != "" {
		t.Errorf("%d, %s, %q", status, stdout, stderr)
	}
	status, stdout, _ = leiociFed(t, t.TempDir(), "", "diff", a, a, "--format", "json")
	if status != 0 || !json.Valid([]byte(stdout)) || !strings.Contains(stdout, `"changes": []`) || !strings.Contains(stdout, `"unchanged": 9`) {
		t.Errorf("%d, %s", status, stdout)
	}
}

func TestDiffComparesReferences(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	a, b := writeTwoDays(t)
	ref := reg.Host() + "/org/lei-cache"
	for _, dir := range []string{a, b} {
		if status, _, stderr := leiociFed(t, t.TempDir(), "", "push", dir, ref); status != 0 {
			t.Fatal(stderr)
		}
	}
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("TMP", temp)
	for _, of := range [][]string{{ref + ":2026-02-08", ref + ":2026-02-09"}, {a, ref}} {
		status, stdout, stderr := leiociFed(t, t.TempDir(), "", append([]string{"diff"}, of...)...)
		if status != 0 || !strings.HasSuffix(stdout, "\n3 worse, 2 better, 1 changed, 2 added, 1 removed, 2 unchanged\n") {
			t.Errorf("%q: %d, %s, %q", of, status, stdout, stderr)
		}
	}
	if status, stdout, _ := leiociFed(t, t.TempDir(), "", "diff", a, ref, "--max-age", "2d"); status != 3 || stdout != "" {
		t.Errorf("%d, %s", status, stdout)
	}
	if status, _, _ := leiociFed(t, t.TempDir(), "", "diff", a, filepath.Join(a, "absent")); status != 7 {
		t.Errorf("%d", status)
	}
	if status, _, stderr := leiociFed(t, t.TempDir(), "", "diff", a); status != 2 || !strings.Contains(stderr, "usage: leioci diff A B") {
		t.Errorf("%d, %q", status, stderr)
	}
	left, err := os.ReadDir(temp)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestDiffStopsWhereItsOutputDoes(t *testing.T) {
	var many []string
	for i := range 5000 {
		many = append(many, report(fmt.Sprintf("https://example.org/%d", i), `"low"`))
	}
	a, b := leiocitest.WriteSnapshot(t, time.Now()), leiocitest.WriteSnapshot(t, time.Now(), many...)
	var stderr strings.Builder
	for _, format := range []string{"text", "json"} {
		status := run(t.Context(), []string{"diff", a, b, "--format", format}, environment{getenv: func(string) string { return "" }, stdout: full{}, stderr: &stderr})
		if status != 1 || !strings.Contains(stderr.String(), "no space") {
			t.Errorf("%d, %q", status, stderr.String())
		}
	}
	status, stdout, _ := leiociFed(t, t.TempDir(), "", "diff", a, b)
	if status != 0 || strings.Count(stdout, "\n") != 5002 || !strings.HasSuffix(stdout, "5000 added, 0 removed, 0 unchanged\n") {
		t.Errorf("%d, %.300s", status, stdout)
	}
}
