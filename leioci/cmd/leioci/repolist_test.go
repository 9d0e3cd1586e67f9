package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestRepositoriesComeFromEverywhereEachOnce(t *testing.T) {
	dir, work := writeGate(t, time.Now()), t.TempDir()
	write(t, work, "list", "\ufeff# ours\r\n\r\n  git@github.com:org/low.git\t# the first\r\nhttps://github.com/org/high#readme\r\nhttps://github.com/Org/HIGH/\n")
	write(t, work, "more", "https://github.com/org/critical") // without a newline
	write(t, work, "bom.json", `{"bomFormat":"CycloneDX","components":[{"externalReferences":[{"type":"vcs","url":"https://github.com/org/medium"}]}]}`)
	status, stdout, stderr := leiociFed(t, work, "pkg:github/org/low\nhttps://github.com/org/undetermined\n", "check", dir, "--format", "json",
		"--repo", "ssh://git@github.com/org/low", "--repo", "a,b", "--repos", "list", "--repos", "more", "--repos", "-", "--sbom", "bom.json")
	want := map[string]string{
		"ssh://git@github.com/org/low": "pass low", "a,b": "fail unknown", "https://github.com/org/high#readme": "fail high",
		"https://github.com/org/critical": "fail critical", "https://github.com/org/undetermined": "fail undetermined",
		"https://github.com/org/medium": "pass medium",
	}
	if got := kindsOf(t, stdout); status != 6 || !maps.Equal(got, want) {
		t.Errorf("%d, %v, %s", status, got, stderr)
	}
}

func TestAListThatCannotBeReadIsRefused(t *testing.T) {
	dir, work := writeGate(t, time.Now()), t.TempDir()
	var many strings.Builder
	for i := range 50_001 {
		fmt.Fprintf(&many, "example.org/%d\n", i)
	}
	for content, says := range map[string]string{
		"a\n\xff\xfea\x00":                         "line 2: not UTF-8", // as PowerShell writes
		"a\n\nb c\n":                               "line 3: want one repository",
		"a\n" + strings.Repeat("x", 2049) + "\n":   "line 2: a name of more than 2048 bytes",
		"a\n#" + strings.Repeat("x", 1<<20) + "\n": "line 2: longer than 65536 bytes",
		many.String():                              "line 50001: more than 50000 repositories",
	} {
		write(t, work, "list", content)
		status, stdout, stderr := leiociFed(t, work, "", "check", dir, "--repos", "list", "--unknown", "ignore")
		if status != 2 || stdout != "" || !strings.Contains(stderr, "--repos list: "+says) {
			t.Errorf("%.40q: %d, %q, %q", content, status, stdout, stderr)
		}
	}
	if status, _, stderr := leiociFed(t, work, "", "check", dir, "--repos", filepath.Dir(work)); status != 2 || !strings.Contains(stderr, "directory") {
		t.Errorf("a directory: %d, %q", status, stderr)
	}
}

func TestNoCredentialsInNamesAreShown(t *testing.T) {
	dir := writeGate(t, time.Now())
	for name, want := range map[string]string{
		"https://user:s3cret@github.com/org/low":           "https://github.com/org/low",
		"https://s3cret@github.com/org/low.git":            "https://github.com/org/low.git",
		"git+https://x:s3cret@github.com/org/low":          "git+https://github.com/org/low",
		"scm:git:https://x:s3cret@github.com/org/low":      "scm:git:https://github.com/org/low",
		"ssh://git:s3cret@github.com/org/low":              "ssh://github.com/org/low",
		"ssh://git@github.com/org/low":                     "ssh://git@github.com/org/low",
		"https://x:s3cret%zz@github.com/org/absent":        "https://github.com/org/absent",
		`https://x:s3cret\@github.com/org/low`:             "https://github.com/org/low",
		"https://x:s3cret@git.example.org/?p=a@b":          "https://git.example.org/?p=a@b",
		"https://git.example.org/@x/a?b=c://d:not-one@e/f": "https://git.example.org/@x/a?b=c://d:not-one@e/f",
	} {
		for _, format := range []string{"text", "json", "sarif"} {
			_, stdout, stderr := leiociFed(t, t.TempDir(), "", "check", dir, "--repo", name, "--format", format, "--fail-on", "medium")
			if strings.Contains(stdout+stderr, "s3cret") || format == "text" && !strings.Contains(stdout, want) {
				t.Errorf("%s as %s: got %s%s", name, format, stdout, stderr)
			}
		}
	}
	// What is shown is not what is asked about.
	if status, _, _ := leiociFed(t, t.TempDir(), "", "check", dir, "--repo", `https://example.org\@github.com/org/low`); status != 8 {
		t.Errorf("a host that browsers take for another: status %d", status)
	}
}

func TestReportsThatNameNoRepositoryAreAboutNone(t *testing.T) {
	dir := leiocitest.WriteSnapshot(t, time.Now(), `{"data":{"risk":"low"}}`, report("unknown", `"low"`))
	bom := t.TempDir()
	write(t, bom, "bom.json", `{"bomFormat":"CycloneDX","components":[{"name":"x","externalReferences":[{"type":"vcs","url":"unknown"}]}]}`)
	for _, args := range [][]string{{"--repo", "unknown"}, {"--sbom", "bom.json"}} {
		status, stdout, _ := leiociFed(t, bom, "", append([]string{"check", dir, "--format", "json"}, args...)...)
		if got := kindsOf(t, stdout); status != 8 || got["unknown"] != "fail unknown" {
			t.Errorf("%v: status %d, %v", args, status, got)
		}
	}
}
