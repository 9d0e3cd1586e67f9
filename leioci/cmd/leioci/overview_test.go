package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// writeRisky returns a directory with a snapshot of yesterday, which has each risk.
func writeRisky(t *testing.T) (dir string, date time.Time) {
	t.Helper()
	var reports []string
	for repo, risk := range map[string]string{
		"a": `"high"`, "b": `"critical"`, "c": `"low"`, "d": `"medium"`, "e": `"medium"`, "f": `"undetermined"`, "g": `"else"`, "h": "null",
	} {
		reports = append(reports, fmt.Sprintf(`{"data":{"repo":"https://example.org/%s","risk":%s}}`, repo, risk))
	}
	date = time.Now().UTC().AddDate(0, 0, -1)
	return leiocitest.WriteSnapshot(t, date, reports...), date
}

// pushAnything pushes a directory, verified or not, under latest.
func pushAnything(t *testing.T, dir, ref string) string {
	t.Helper()
	status, stdout, stderr := leiociIn(t, t.TempDir(), "", "push", "--no-verify", dir, ref+":latest")
	if status != 0 {
		t.Fatal(stderr)
	}
	return strings.TrimSpace(stdout)
}

func TestVerifyAndImportSumASnapshotUp(t *testing.T) {
	dir, date := writeRisky(t)
	reg := leiocitest.NewRegistry(t)
	ref := reg.Host() + "/org/lei-cache"
	digest := pushAnything(t, dir, ref)
	sizes := readSizes(t, dir)
	text := func(source, done string) string {
		return "snapshot        " + source + ", " + done + "\n" +
			"date            " + date.Format(time.DateOnly) + ", 1 day old\n" +
			"made            " + date.Format("2006-01-02T15:04:05.999999Z") + " by LowEndInsight 0.9.1\n" +
			"size            " + fmt.Sprintf("%d bytes, or %d bytes of reports\n", sizes.CompressedSize, sizes.RawSize) +
			"reports         8, on 8 repositories\n" +
			"  critical      1\n" +
			"  high          1\n" +
			"  medium        2\n" +
			"  low           1\n" +
			"  undetermined  1\n" +
			"  other risk    1\n" +
			"  no risk       1\n" +
			"riskiest\n" +
			"  critical      https://example.org/b\n" +
			"  high          https://example.org/a\n"
	}
	for _, tc := range []struct{ command, arg, source, done string }{
		{"verify", dir, dir, "verified"},
		{"verify", ref, digest, "verified"},
		{"verify", "oci://" + digest, digest, "verified"},
		{"import", dir, dir, "verified and indexed"},
		{"verify", dir, dir, "verified and indexed"},
	} {
		status, stdout, stderr := leiociIn(t, t.TempDir(), "", tc.command, tc.arg)
		if want := text(tc.source, tc.done); status != 0 || stdout != want || stderr != "" {
			t.Errorf("%s %s: %d, %q\n%s\nwant\n%s", tc.command, tc.arg, status, stderr, stdout, want)
		}
		status, stdout, stderr = leiociIn(t, t.TempDir(), "", tc.command, "--format=json", tc.arg)
		if status != 0 || stderr != "" {
			t.Errorf("%s %s: %d, %q", tc.command, tc.arg, status, stderr)
		}
		want := fmt.Sprintf(`{"format_version":1,"snapshot":{"source":%q,"date":%q,"created":%q,"reports":8},"verified":true,"indexed":%v,
			"age_days":1,"lei_version":"0.9.1","repositories":8,
			"risks":{"critical":1,"high":1,"medium":2,"low":1,"undetermined":1,"other":1,"none":1},
			"riskiest":[{"repo":"https://example.org/b","risk":"critical"},{"repo":"https://example.org/a","risk":"high"}],
			"raw_size":%d,"compressed_size":%d}`,
			tc.source, date.Format(time.DateOnly), date.Format("2006-01-02T15:04:05.999999Z"), strings.Contains(tc.done, "indexed"),
			sizes.RawSize, sizes.CompressedSize)
		assertSameJSON(t, stdout, want)
	}
}

func readSizes(t *testing.T, dir string) snapshot.Metadata {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	meta, err := snapshot.ReadMetadata(f)
	if err != nil {
		t.Fatal(err)
	}
	return meta
}

func assertSameJSON(t *testing.T, got, want string) {
	t.Helper()
	var values [2]any
	for i, text := range []string{got, want} {
		if err := json.Unmarshal([]byte(text), &values[i]); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
	}
	if a, b := fmt.Sprint(values[0]), fmt.Sprint(values[1]); a != b {
		t.Errorf("got  %s\nwant %s", a, b)
	}
}

// TestASnapshotThatIsNotInOrderIsNotSummedUp has one with a wrong count, one with a line that is no
// report, a file that is cut off, and a manifest.json that is none.
func TestASnapshotThatIsNotInOrderIsNotSummedUp(t *testing.T) {
	temp := ownTemp(t)
	cut := leiocitest.WriteSnapshot(t, time.Now(), reportA)
	cache, err := os.ReadFile(filepath.Join(cut, "cache.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(cut, "cache.jsonl.gz"), string(cache[:len(cache)-3]))
	garbled := leiocitest.WriteSnapshot(t, time.Now(), reportA)
	writeFile(t, filepath.Join(garbled, "manifest.json"), "{}")
	for _, tc := range []struct {
		dir, says string
		local     bool // cannot be pushed
	}{
		{dir: writeMalformed(t), says: "entry count: manifest.json says 2, found 1"},
		{dir: leiocitest.WriteSnapshot(t, time.Now(), reportA, "no report"), says: "malformed lines: 1, the first at line 2"},
		{dir: cut, says: "damaged gzip stream"},
		{dir: garbled, says: "not an LEI snapshot", local: true},
	} {
		commands := [][]string{{"verify", tc.dir}, {"verify", "--format=json", tc.dir}, {"import", tc.dir}}
		if !tc.local {
			ref := leiocitest.NewRegistry(t).Host() + "/org/lei-cache"
			pushAnything(t, tc.dir, ref)
			commands = append(commands, []string{"verify", ref})
		}
		for _, args := range commands {
			status, stdout, stderr := leiociIn(t, t.TempDir(), "", args...)
			if status != 4 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, tc.says) {
				t.Errorf("%q: %d, %q, %q", args, status, stdout, stderr)
			}
		}
		assertEntries(t, tc.dir, "cache.jsonl.gz", "manifest.json") // no index
		assertEntries(t, temp)
	}
}

// ownTemp gives a test a directory for temporary files of its own.
func ownTemp(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"TMPDIR", "TMP", "TEMP"} { // Unix's, and those of Windows
		t.Setenv(name, dir)
	}
	return dir
}

func TestWhatIsAbsentIsStatus7AndWhatIsOldIs3(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	ref := reg.Host() + "/org/lei-cache"
	old := leiocitest.WriteSnapshot(t, time.Now().AddDate(0, 0, -3), reportA)
	pushAnything(t, old, ref)
	for _, tc := range []struct {
		status int
		args   []string
	}{
		{7, []string{"verify", "absent"}},
		{7, []string{"verify", "./absent"}},
		{7, []string{"import", "absent"}},
		{7, []string{"verify", t.TempDir()}},
		{7, []string{"verify", ref + ":absent"}},
		{3, []string{"verify", "--max-age=2d", old}},
		{3, []string{"verify", "--max-age=2d", ref}},
		{0, []string{"verify", "--max-age=5d", old}},
		{0, []string{"verify", "--max-age=5d", ref}},
		{2, []string{"verify", ""}},
		{2, []string{"import", ""}},
		{2, []string{"verify"}},
		{2, []string{"import", old, old}},
		{2, []string{"verify", "--format=xml", old}},
		{2, []string{"import", "--format=sarif", old}},
	} {
		if status, stdout, stderr := leiociIn(t, t.TempDir(), "", tc.args...); status != tc.status || (status == 0) != (stdout != "") {
			t.Errorf("%q: %d, %q, %q; want %d", tc.args, status, stdout, stderr, tc.status)
		}
	}
}

func TestNamesInAnOverviewDoNotReachTheTerminalAsTheyAre(t *testing.T) {
	long := "https://example.org/" + strings.Repeat("long/", 1<<7)
	dir := leiocitest.WriteSnapshot(t, time.Now(),
		`{"data":{"repo":"https://example.org/\u001b[2Ja\r\u009b1m\u202e\u007f\nall is well","risk":"critical"}}`,
		`{"data":{"repo":"`+long+`","risk":"high"}}`,
		`{"data":{"repo":"x","risk":"\u001b[2J"}}`)
	manifest, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "manifest.json"), strings.Replace(string(manifest), `"0.9.1"`, `"0.9.1\u001b[2J\n`+strings.Repeat("9", 1<<10)+`"`, 1))
	for _, format := range []string{"text", "json"} {
		for _, command := range []string{"verify", "import"} {
			status, stdout, stderr := leiociIn(t, t.TempDir(), "", command, "--format", format, dir)
			if status != 0 || strings.ContainsAny(stdout, "\x1b\r\u009b\u202e\x7f") || strings.Contains(stdout, "\nall") {
				t.Errorf("%s as %s: %d, %q, %q", command, format, status, stdout, stderr)
			}
			for line := range strings.Lines(stdout) {
				if format == "text" && (len(line) > 300 || strings.Contains(line, "long") && !strings.HasSuffix(line, "…\n")) {
					t.Errorf("a long line: %q", line)
				}
			}
			if format == "json" && !strings.Contains(stdout, long) {
				t.Errorf("the name is not whole: %s", stdout)
			}
		}
	}
}

func TestVerifyRemovesWhatItPulledWhenItIsInterrupted(t *testing.T) {
	dir := leiocitest.WriteSnapshot(t, time.Now(), reportA)
	reg := leiocitest.NewRegistry(t)
	ref := reg.Host() + "/org/lei-cache"
	pushAnything(t, dir, ref)
	temp := ownTemp(t)
	reached := make(chan struct{}, 8)
	reg.On(http.MethodGet, "/blobs/", leiocitest.Always, announced(leiocitest.Stall(20))(reached))
	ctx, interrupt := context.WithCancel(t.Context())
	go func() { <-reached; interrupt() }()
	if status, stdout, stderr := (shell{dir: t.TempDir()}).runUntil(t, ctx, "verify", ref); status != 130 || stdout != "" || !strings.Contains(stderr, "interrupted") {
		t.Errorf("%d, %q, %q", status, stdout, stderr)
	}
	assertEntries(t, temp)
}
