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
)

// leiociFed is leiociIn with something on standard input.
func leiociFed(t *testing.T, dir, stdin string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	t.Chdir(dir)
	var out, errs strings.Builder
	env := environment{func(string) string { return "" }, strings.NewReader(stdin), &out, &errs}
	status = run(t.Context(), args, env)
	return status, out.String(), errs.String()
}

// report returns a report on a repository. risk is JSON.
func report(repo, risk string) string {
	return fmt.Sprintf(`{"data":{"repo":%q,"risk":%s}}`, repo, risk)
}

// writeGate returns a snapshot with a repository of each risk.
func writeGate(t *testing.T, date time.Time) string {
	t.Helper()
	return leiocitest.WriteSnapshot(t, date,
		report("https://github.com/org/critical", `"critical"`),
		report("https://github.com/org/high", `"high"`),
		report("https://github.com/org/medium", `"medium"`),
		report("https://github.com/org/low", `"low"`),
		report("https://github.com/org/undetermined", `"undetermined"`),
		report("https://github.com/org/none", `null`),
		report("https://github.com/org/other", `"CRITICAL\u001b[2J"`),
		report("https://github.com/org/analysed-again", `"critical"`),
		report("https://github.com/org/analysed-again", `"low"`),
	)
}

// write writes a file to a directory.
func write(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// kindsOf returns what check's JSON says about each name, such as "fail high".
func kindsOf(t *testing.T, stdout string) map[string]string {
	t.Helper()
	var d struct {
		FormatVersion int `json:"format_version"`
		Results       []struct {
			Name, Kind string
			Fails      bool
		}
	}
	if err := json.Unmarshal([]byte(stdout), &d); err != nil || d.FormatVersion != 1 {
		t.Fatalf("%v, %s", err, stdout)
	}
	kinds := map[string]string{}
	for _, r := range d.Results {
		outcome := "pass "
		if r.Fails {
			outcome = "fail "
		}
		kinds[r.Name] += outcome + r.Kind
	}
	return kinds
}

func TestEachDecisionHasItsStatus(t *testing.T) {
	dir := writeGate(t, time.Now())
	const org = "https://github.com/org/"
	for _, tc := range []struct {
		status int
		repos  string
		flags  string
	}{
		{0, "low", ""},
		{0, "medium low", ""},
		{6, "medium low", "--fail-on medium"},
		{6, "high", ""},
		{6, "critical", ""},
		{0, "high", "--fail-on critical"},
		{6, "critical", "--fail-on critical"},
		{0, "analysed-again", "--fail-on medium"}, // the last report counts
		{8, "absent", ""},
		{8, "low absent", ""},
		{0, "low absent", "--unknown ignore"},
		{8, "absent", "--undetermined ignore"},
		{8, "undetermined", ""},
		{0, "undetermined", "--undetermined ignore"},
		{8, "undetermined", "--unknown ignore"},
		{8, "none", ""},
		{8, "other", ""}, // whatever it resembles
		{0, "none other", "--undetermined ignore"},
		{6, "absent undetermined high", ""}, // a risk comes first
		{6, "high absent undetermined", "--unknown ignore --undetermined ignore"},
	} {
		args := append([]string{"check", dir}, strings.Fields(tc.flags)...)
		for _, repo := range strings.Fields(tc.repos) {
			args = append(args, "--repo", org+repo)
		}
		for _, format := range []string{"text", "json", "sarif"} {
			status, stdout, stderr := leiociFed(t, t.TempDir(), "", append(args, "--format", format)...)
			if status != tc.status || stdout == "" || strings.Count(stderr, "\n") != 1 {
				t.Errorf("%s %s as %s: %d, want %d; %q, %q", tc.repos, tc.flags, format, status, tc.status, stdout, stderr)
			}
			if strings.HasPrefix(stderr, "leioci: ") != (tc.status != 0) {
				t.Errorf("%s %s: %q", tc.repos, tc.flags, stderr)
			}
			if strings.Contains(stdout+stderr, "\x1b") {
				t.Errorf("a terminal would obey %q", stdout)
			}
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("check wrote into the directory: %v, %v", entries, err)
	}
}

func TestTheTableIsForAPerson(t *testing.T) {
	date := time.Now().UTC().AddDate(0, 0, -3)
	dir := writeGate(t, date)
	status, stdout, stderr := leiociFed(t, t.TempDir(), "git@github.com:Org/High.git\nhttps://github.com/org/low\nhttps://github.com/org/medium\nexample.org/\x1b[2J\n"+
		"https://github.com/org/other # our own\npkg:github/org/critical@1.2\nhttps://github.com/org/critical\n", "check", dir, "--repos", "-")
	const want = `REPOSITORY                     RISK           DECISION
pkg:github/org/critical@1.2    critical       fail: the risk is critical
git@github.com:Org/High.git    high           fail: the risk is high
https://github.com/org/other   undetermined   fail: the report has the risk "CRITICAL\x1b[2J", which is none of LEI's
"example.org/\x1b[2J"          unknown        fail: no report in the snapshot
https://github.com/org/medium  medium         pass: the risk is medium
https://github.com/org/low     low            pass: the risk is low
6 checked, 4 fail: 1 critical, 1 high, 1 medium, 1 undetermined, 1 unknown, 1 low
`
	if status != 6 || stdout != want {
		t.Errorf("%d, %s", status, stdout)
	}
	if want := "leioci: risk found: 4 of 6 fail (1 critical, 1 high, 1 medium, 1 undetermined, 1 unknown, 1 low); snapshot of " +
		date.Format(time.DateOnly) + ", 3 days old\n"; stderr != want {
		t.Errorf("%q, want %q", stderr, want)
	}
}

func TestTheJSONIsAsDocumented(t *testing.T) {
	dir := leiocitest.WriteSnapshot(t, time.Date(2026, 2, 8, 0, 0, 0, 0, time.UTC),
		report("https://github.com/org/a", `"low"`), report("https://github.com/org/a", `"high"`))
	work := t.TempDir()
	write(t, work, "list", "\n\u202eexample.org/b\n")
	status, stdout, _ := leiociFed(t, work, "", "check", dir, "--repo", "github.com/Org/A", "--repos", "list", "--format", "json")
	want := `{
  "format_version": 1,
  "snapshot": {
    "source": "` + dir + `",
    "date": "2026-02-08",
    "created": "2026-02-08T00:00:00Z",
    "reports": 2
  },
  "fail_on": "high",
  "unknown": "fail",
  "undetermined": "fail",
  "decision": "risk",
  "counts": {
    "checked": 2,
    "failed": 2,
    "critical": 0,
    "high": 1,
    "medium": 0,
    "low": 0,
    "undetermined": 0,
    "unknown": 1,
    "no_repository": 0
  },
  "results": [
    {
      "name": "github.com/Org/A",
      "repo": "https://github.com/org/a",
      "kind": "high",
      "fails": true,
      "reason": "the risk is high",
      "risk": "high",
      "reports": 2
    },
    {
      "name": "\u202eexample.org/b",
      "repo": "\u202eexample.org/b",
      "kind": "unknown",
      "fails": true,
      "reason": "no report in the snapshot",
      "reports": 0,
      "file": "list",
      "line": 2
    }
  ]
}
`
	if status != 6 || stdout != want {
		t.Errorf("%d, %s", status, stdout)
	}
}

func TestAGateThatChecksNothingDoesNotPass(t *testing.T) {
	dir, work := writeGate(t, time.Now()), t.TempDir()
	write(t, work, "empty", "")
	write(t, work, "comments", "# nothing\n\n   \r\n")
	write(t, work, "empty.json", `{"bomFormat":"CycloneDX","metadata":{"component":{"name":"app"}}}`)
	for _, args := range [][]string{{"--repos", "empty"}, {"--repos", "comments"}, {"--sbom", "empty.json"}} {
		status, _, stderr := leiociFed(t, work, "", append([]string{"check", dir}, args...)...)
		if status != 8 || !strings.Contains(stderr, "nothing to check") {
			t.Errorf("%q: %d, %q", args, status, stderr)
		}
		status, stdout, stderr := leiociFed(t, work, "", append([]string{"check", dir, "--unknown", "ignore"}, args...)...)
		if status != 0 || !strings.Contains(stdout, "0 checked") || !strings.Contains(stderr, "nothing to check") {
			t.Errorf("%q: %d, %q, %q", args, status, stdout, stderr)
		}
	}
}

func TestCheckRefusesWrongUsage(t *testing.T) {
	dir, work := writeGate(t, time.Now()), t.TempDir()
	for _, tc := range []struct {
		says string
		args []string
	}{
		{"usage: leioci check", []string{}},
		{"usage: leioci check", []string{dir, dir, "--repo", "a"}},
		{"no repository given", []string{dir}},
		{"--repo is empty", []string{dir, "--repo", " "}},
		{"--repos is empty", []string{dir, "--repos", ""}},
		{"--sbom: open absent", []string{dir, "--sbom", "absent"}},
		{"only once", []string{dir, "--repos", "-", "--sbom", "-"}},
		{"medium, high, critical", []string{dir, "--repo", "a", "--fail-on", "low"}},
		{"fail, ignore", []string{dir, "--repo", "a", "--unknown", "pass"}},
		{"text, json, sarif", []string{dir, "--repo", "a", "--format", "xml"}},
		{"DIR|REF is empty", []string{"", "--repo", "a"}},
		{"2048 bytes", []string{dir, "--repo", strings.Repeat("a", 2049)}},
		{"--max-age", []string{dir, "--repo", "a", "--max-age", "0"}},
	} {
		status, stdout, stderr := leiociFed(t, work, "", append([]string{"check"}, tc.args...)...)
		if status != 2 || stdout != "" || !strings.Contains(stderr, tc.says) {
			t.Errorf("%.100q: %d, %q, %q", tc.args, status, stdout, stderr)
		}
	}
}
