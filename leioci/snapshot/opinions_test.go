package snapshot_test

import (
	"fmt"
	"strings"
	"testing"
)

// said returns a report on a spelling of https://github.com/org/project.
func said(spelling, risk string) string {
	names := map[string]string{
		"a": "https://github.com/org/project", "b": "https://github.com/Org/Project", "c": "git@github.com:org/project.git",
	}
	name := names[spelling]
	if name == "" {
		name = "https://github.com/org/project@" + spelling
	}
	return fmt.Sprintf(`{"data":{"repo":%q,"risk":%q}}`+"\n", name, risk)
}

func TestAReportOnAnotherSpellingMakesNoRiskLookBetter(t *testing.T) {
	for reports, want := range map[string]string{
		"a:low":                             "low",
		"a:critical a:low":                  "low", // LEI analysed it again
		"a:critical b:low":                  "critical",
		"a:critical b:undetermined":         "critical",
		"a:low b:undetermined":              "undetermined",
		"a:undetermined b:low":              "undetermined",
		"a:low b:critical a:low":            "critical",
		"a:critical b:low a:high":           "high",
		"b:critical a:low b:medium c:low":   "medium",
		"a:critical b:critical a:low b:low": "low",
		"a:strange b:low":                   "strange",
		"a:strange b:Critical c:low":        "Critical", // of what is the same, the newest
		"a:low b:high c:medium":             "high",
	} {
		var lines []string
		for _, one := range strings.Fields(reports) {
			spelling, risk, _ := strings.Cut(one, ":")
			lines = append(lines, said(spelling, risk), line("https://example.org/between"))
		}
		wantEverywhere(t, reports, lines, want)
	}
}

func TestManySpellingsHideNoRisk(t *testing.T) {
	lines := []string{said("a", "low")}
	for i := range 200 {
		lines = append(lines, said(fmt.Sprintf("v%d", i), "low"))
	}
	lines = append(lines, said("w", "critical"))
	for i := range 200 {
		lines = append(lines, said(fmt.Sprintf("x%d", i), "low"))
	}
	wantEverywhere(t, "many", lines, "critical")
}

// wantEverywhere checks what is said about a repository with an index and without.
func wantEverywhere(t *testing.T, what string, lines []string, want string) {
	t.Helper()
	dir := snapshotOf(t, lines, 2)
	for _, indexed := range []bool{false, true} {
		if indexed {
			index(t, dir)
		}
		s := open(t, dir)
		one, err := s.Risk(t.Context(), "github.com/org/project")
		all, verifiedErr := s.VerifiedRisks(t.Context(), "github.com/org/project")
		if err != nil || verifiedErr != nil || one.Risk != want || all[0].Risk != want || one.Reports != all[0].Reports {
			t.Errorf("%s, indexed %t: got %v, %v, %v, %v, want %s", what, indexed, one, err, all, verifiedErr, want)
		}
	}
}
