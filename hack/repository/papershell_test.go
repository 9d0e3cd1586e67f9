package repository

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// named are what a line names of this repository: targets of make, packages to install, and scripts.
var (
	makeTargets = regexp.MustCompile(`(?:^|&& |" )make((?: [a-z-]+)+)`)
	installed   = regexp.MustCompile(`^go install (\S+)@latest`)
	scripts     = regexp.MustCompile(`\bhack/\S+\.sh\b`)
)

// assertNames fails unless everything that a line names exists. It says whether that is all that the
// line does, so that it is not to be run.
func assertNames(t *testing.T, line string) (all bool) {
	t.Helper()
	line, _, _ = strings.Cut(line, " #")
	line = strings.TrimSpace(line)
	if m := makeTargets.FindStringSubmatch(line); m != nil {
		dry := exec.CommandContext(t.Context(), "make", append([]string{"-n", "-C", root}, strings.Fields(m[1])...)...)
		if out, err := dry.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", line, err, out)
		}
	}
	if m := installed.FindStringSubmatch(line); m != nil {
		list := exec.CommandContext(t.Context(), "go", "-C", root, "list", "-f", "{{.Name}}", m[1])
		if out, err := list.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != "main" {
			t.Errorf("%s: %v: %s", line, err, out)
		}
	}
	for _, script := range scripts.FindAllString(line, -1) {
		if _, err := os.Stat(filepath.Join(root, script)); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	return strings.HasPrefix(line, "make ") || strings.HasPrefix(line, "go install ")
}

// TestTheShellBlocksOfAllPapersParseAndNameWhatExists is for papers whose blocks would change the
// machine, and the others, too.
func TestTheShellBlocksOfAllPapersParseAndNameWhatExists(t *testing.T) {
	lines := 0
	for _, pattern := range []string{"README.md", ".github/*.md", "examples/*/README.md", "integration/README.md", "hack/*/README.md"} {
		papers, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, paper := range papers {
			paper, err := filepath.Rel(root, paper)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range shellLines(t, paper) {
				lines++
				assertNames(t, line)
				parse := exec.CommandContext(t.Context(), "bash", "-nc", line)
				if out, err := parse.CombinedOutput(); err != nil {
					t.Errorf("%s: %s: %v: %s", paper, line, err, out)
				}
			}
		}
	}
	if lines < 40 {
		t.Errorf("only %d lines", lines)
	}
}
