package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

func TestExportIsReproducibleWithSourceDateEpoch(t *testing.T) {
	files := func(env map[string]string, args ...string) (all string, meta snapshot.Metadata) {
		t.Helper()
		sh := shell{dir: t.TempDir(), env: env, stdin: strings.NewReader(reportA + reportB)}
		if status, _, stderr := sh.run(t, append([]string{"export", "--input=-", "-o", "lei", "--lei-version", "0.9.1"}, args...)...); status != 0 {
			t.Fatal(stderr)
		}
		for _, name := range []string{"manifest.json", "cache.jsonl.gz", "oci-manifest.json"} {
			content, err := os.ReadFile(filepath.Join(sh.dir, "lei", name))
			if err != nil {
				t.Fatal(err)
			}
			all += string(content)
		}
		s, err := snapshot.Open(filepath.Join(sh.dir, "lei"))
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		return all, s.Metadata()
	}
	epoch := map[string]string{"SOURCE_DATE_EPOCH": "1770519600"}
	first, meta := files(epoch)
	made := time.Date(2026, 2, 8, 3, 0, 0, 0, time.UTC)
	if !meta.Created.Equal(made) || meta.Date.Format(time.DateOnly) != "2026-02-08" || meta.LEIVersion != "0.9.1" {
		t.Errorf("%+v", meta)
	}
	if again, _ := files(epoch); again != first {
		t.Error("the second export has other bytes")
	}
	for _, created := range []string{"2026-02-08T03:00:00Z", "2026-02-08T05:00:00+02:00", "1770519600"} { // comes before the environment
		if same, _ := files(map[string]string{"SOURCE_DATE_EPOCH": "1"}, "--created", created); same != first {
			t.Errorf("--created %s has other bytes", created)
		}
	}
	if _, meta := files(epoch, "--date", "2026-02-07"); !meta.Created.Equal(made) || meta.Date.Format(time.DateOnly) != "2026-02-07" {
		t.Errorf("%+v", meta)
	}
	before := time.Now().Truncate(time.Microsecond)
	if _, meta := files(map[string]string{"SOURCE_DATE_EPOCH": ""}); meta.Created.Before(before) || meta.Created.After(time.Now()) {
		t.Errorf("made at %v", meta.Created)
	}
}
