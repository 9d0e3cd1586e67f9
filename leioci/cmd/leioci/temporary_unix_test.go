//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestWithoutAPlaceForTemporaryFilesNothingIsCalledNotFound(t *testing.T) {
	dir := absolute(t)
	reg := leiocitest.NewRegistry(t)
	if status, _, stderr := leiociIn(t, t.TempDir(), "", "push", dir, reg.Host()+"/org/lei-cache"); status != 0 {
		t.Fatal(stderr)
	}
	work := t.TempDir()
	t.Setenv("TMPDIR", filepath.Join(work, "absent"))
	for _, args := range [][]string{{"verify", reg.Host() + "/org/lei-cache"}, {"diff", dir, dir}} {
		if status, _, stderr := leiociIn(t, work, "", args...); status != exitFailure || !strings.Contains(stderr, "set TMPDIR to another one") {
			t.Errorf("%q: %d, %s", args, status, stderr)
		}
	}
}

func TestARemovedWorkingDirectoryIsNamedAsTheReason(t *testing.T) {
	dir := absolute(t)
	reg := leiocitest.NewRegistry(t)
	ref := reg.Host() + "/org/lei-cache"
	if status, _, stderr := leiociIn(t, t.TempDir(), "", "push", dir, ref); status != 0 {
		t.Fatal(stderr)
	}
	for _, args := range [][]string{
		{"pull", ref},
		{"pull", ref, "-o", "lei"},
		{"copy", ref, "oci-archive:lei.tar"},
		{"copy", ref, "oci-layout:lei"},
		{"export", "--input", filepath.Join(dir, "cache.jsonl.gz")},
	} {
		gone := filepath.Join(t.TempDir(), "gone")
		if err := os.Mkdir(gone, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Chdir(gone)
		if err := os.Remove(gone); err != nil {
			t.Fatal(err)
		}
		var out, errs strings.Builder
		status := run(t.Context(), args, environment{stdout: &out, stderr: &errs, getenv: os.Getenv})
		if status != exitFailure || !strings.Contains(errs.String(), "the working directory was removed") {
			t.Errorf("%q: %d, %s", args, status, errs.String())
		}
	}
}
