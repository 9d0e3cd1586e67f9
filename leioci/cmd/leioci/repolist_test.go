package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"time"
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
		"a\n#" + strings.Repeat("x", 1<<20) + "\n": "line 2: ",
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
