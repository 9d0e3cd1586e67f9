package main

import (
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

func TestExportTakesReportsInEveryForm(t *testing.T) {
	quoted := strings.ReplaceAll(reportB, `"`, `\"`)
	for name, input := range map[string]string{
		"lines":                  reportA + "\n" + reportB + "\n",
		"without a last newline": reportA + "\n" + reportB,
		"indented":               "\ufeff" + strings.ReplaceAll(reportA, ",", ",\n\t") + "\r\n\r\n" + reportB,
		"an array":               "[" + reportA + " , " + reportB + "]",
		"gzip":                   compressed(t, reportA+"\n"+reportB+"\n"),
		"gzip of two members":    compressed(t, reportA+"\n"+reportB[:9], reportB[9:]),
		"a scan":                 `{"state":"complete","report":{"uuid":"1","repos":[` + reportA + `,` + reportB + `]},"metadata":{"repo_count":2}}`,
		"two scans":              `{"report":{"repos":[` + reportA + `]}}{"report":{"repos":[` + reportB + `]}}`,
		"a cache": `{"entries":[{"key":"a","data":` + reportA + `,"ttl_remaining":9},{"key":"b","data":"` + quoted + `","ttl_remaining":9}],` +
			`"stats":{"count":2}}`,
	} {
		work := t.TempDir()
		writeFile(t, filepath.Join(work, "in"), input)
		for from, args := range map[string][]string{"in": {"--input", "in"}, "-": {"--input=-"}} {
			sh := shell{dir: work, stdin: strings.NewReader(input)}
			status, stdout, stderr := sh.run(t, append([]string{"export", "--date", "2026-02-08", "-o", "out/lei"}, args...)...)
			if status != 0 || stdout != "out/lei\n" || !strings.HasPrefix(stderr, "wrote out/lei: snapshot of 2026-02-08, ") || !strings.Contains(stderr, "2 reports") {
				t.Fatalf("%s from %s: %d, %q, %q", name, from, status, stdout, stderr)
			}
			if got := reportsIn(t, filepath.Join(work, "out", "lei")); len(got) != 2 || got[0] != reportA || got[1] != reportB {
				t.Errorf("%s from %s: %q", name, from, got)
			}
		}
		assertEntries(t, filepath.Join(work, "out"), "lei")
		assertEntries(t, filepath.Join(work, "out", "lei"), "cache.jsonl.gz", "config.json", "manifest.json", "oci-manifest.json")
	}
}

func TestExportKeepsTheOrderOfItsInputs(t *testing.T) {
	work := t.TempDir()
	writeFile(t, filepath.Join(work, "first,second"), reportB)
	sh := shell{dir: work, stdin: strings.NewReader(reportA)}
	status, stdout, stderr := sh.run(t, "export", "--input", "first,second", "--input", "-", "--input", "first,second", "--date", "2026-02-08")
	if status != 0 || stdout != "lei-cache-2026-02-08\n" {
		t.Fatalf("%d, %q, %q", status, stdout, stderr)
	}
	if got := reportsIn(t, filepath.Join(work, "lei-cache-2026-02-08")); strings.Join(got, " ") != strings.Join([]string{reportB, reportA, reportB}, " ") {
		t.Errorf("%q", got)
	}
}

func TestExportSaysWhereAnInputIsBrokenAndWritesNothing(t *testing.T) {
	for _, tc := range []struct {
		input, says string
		status      int
	}{
		{reportA + "\n{\"data\"", "report 2, at byte ", 4},
		{reportA + "\n" + reportB + "\n\"text\"\n", "report 3, at byte ", 4},
		{`{"other":1}`, "report 1, at byte 11", 4},
		{`{"report":{"repos":[` + reportA + `,{}]}}`, "report 2, at byte ", 4},
		{compressed(t, reportA)[:40], "damaged", 4},
		{compressed(t, reportA) + "x", "damaged", 4},
		{"", "no report", 1},
		{" \n", "no report", 1},
		{`{"entries":[],"stats":{}}`, "no report", 1},
	} {
		work := t.TempDir()
		writeFile(t, filepath.Join(work, "in"), tc.input)
		writeFile(t, filepath.Join(work, "good"), reportA)
		if status, _, stderr := (shell{dir: work}).run(t, "export", "--input", "good", "-o", "lei"); status != 0 {
			t.Fatal(stderr)
		}
		for _, out := range []string{"lei", "new"} { // the old one stays
			status, stdout, stderr := shell{dir: work}.run(t, "export", "--input", "in", "-o", out)
			if status != tc.status || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "leioci: export: ") || !strings.Contains(stderr, tc.says) {
				t.Errorf("%.40q: %d, %q, %q", tc.input, status, stdout, stderr)
			}
			if tc.status == 4 && (!strings.HasPrefix(stderr, "leioci: export: in: ") || strings.Contains(stderr, ".leioci-writing-")) {
				t.Errorf("%.40q: it does not say in which input: %q", tc.input, stderr)
			}
		}
		assertEntries(t, work, "good", "in", "lei")
		if got := reportsIn(t, filepath.Join(work, "lei")); len(got) != 1 {
			t.Errorf("%q", got)
		}
	}
	if status, stdout, stderr := (shell{dir: t.TempDir(), stdin: strings.NewReader("")}).run(t, "export", "--input=-", "--allow-empty", "-o", "lei"); status != 0 {
		t.Errorf("--allow-empty: %d, %q, %q", status, stdout, stderr)
	}
}

func TestAnInputThatCannotBeReadEndsAnExport(t *testing.T) {
	sh := shell{dir: t.TempDir(), stdin: io.MultiReader(strings.NewReader(reportA), failing{})}
	status, _, stderr := sh.run(t, "export", "--input=-", "-o", "lei")
	if status != 1 || !strings.Contains(stderr, "from standard input to lei: ") || !strings.Contains(stderr, fs.ErrPermission.Error()) {
		t.Errorf("%d, %q", status, stderr)
	}
	assertEntries(t, sh.dir)
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, fs.ErrPermission }
