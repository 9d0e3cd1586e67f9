package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// TestAnOutputThatCannotWorkIsRefusedForWhatItIs checks that nothing is asked of the registry
// either.
func TestAnOutputThatCannotWorkIsRefusedForWhatItIs(t *testing.T) {
	reg, dir := leiocitest.NewRegistry(t), absolute(t)
	ref := reg.Host() + "/org/lei-cache"
	if status, _, stderr := leiociIn(t, t.TempDir(), "", "push", dir, ref); status != 0 {
		t.Fatal(stderr)
	}
	work := t.TempDir()
	if status, _, stderr := leiociIn(t, work, "", "pull", ref, "-o", "held"); status != 0 {
		t.Fatal(stderr)
	}
	for _, err := range []error{
		os.WriteFile(filepath.Join(work, "file"), nil, 0o600),
		os.Mkdir(filepath.Join(work, "foreign"), 0o700),
		os.WriteFile(filepath.Join(work, "foreign", "notes.txt"), nil, 0o600),
		os.Symlink("file", filepath.Join(work, "to-file")),
		os.Symlink("absent", filepath.Join(work, "dangling")),
		os.Symlink(".", filepath.Join(work, "to-work")),
		os.Symlink("loop", filepath.Join(work, "loop")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	held := filepath.Join(work, "held")
	for _, tc := range []struct {
		in, output string
		status     int
		says       string
	}{
		{work, "", 2, "--output is empty"},
		{work, "--verify", 2, "looks like a flag"},
		{work, "-", 2, "does not go to standard output"},
		{work, "~/lei", 2, "did not expand ~"},
		{work, ".", 1, "is the working directory"},
		{work, "./", 1, "is the working directory"},
		{work, "to-work", 1, "is the working directory"},
		{held, ".", 1, "is the working directory"},
		{held, held + "/", 1, "is the working directory"},
		{held, "..", 1, "contains the working directory"},
		{work, "/", 1, "is the root directory"},
		{work, "file", 1, "not a directory"},
		{work, "file/", 1, "not a directory"},
		{work, "file/lei", 1, "file"},
		{work, "to-file", 1, "not a directory"},
		{work, "dangling", 1, "dangling symbolic link"},
		{work, "loop", 1, "loop"},
		{work, "foreign", 1, "notes.txt"},
	} {
		before := len(reg.Requests())
		status, stdout, stderr := leiociIn(t, tc.in, "", "pull", ref, "-o", tc.output)
		if status != tc.status || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, tc.says) {
			t.Errorf("-o %q: %d, %q, %q", tc.output, status, stdout, stderr)
		}
		if requests := reg.Requests()[before:]; len(requests) > 0 {
			t.Errorf("-o %q: requests %q", tc.output, requests)
		}
	}
}

func TestAnOutputMayBeWrittenInAnyWay(t *testing.T) {
	reg, dir, work := leiocitest.NewRegistry(t), absolute(t), t.TempDir()
	ref := reg.Host() + "/org/lei-cache"
	if status, _, stderr := leiociIn(t, work, "", "push", dir, ref); status != 0 {
		t.Fatal(stderr)
	}
	for _, err := range []error{
		os.Mkdir(filepath.Join(work, "empty"), 0o700), os.Mkdir(filepath.Join(work, "real"), 0o700),
		os.Symlink("real", filepath.Join(work, "link")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for output, holds := range map[string]string{
		"new/": "new", "empty/": "empty", "deep/er//lei": "deep/er/lei", "./x/../y": "y", "link": "real", "./--verify": "--verify",
	} {
		if status, _, stderr := leiociIn(t, work, "", "pull", ref, "-o", output); status != 0 {
			t.Errorf("-o %s: %d, %q", output, status, stderr)
		}
		if _, err := os.Stat(filepath.Join(work, holds, "manifest.json")); err != nil {
			t.Errorf("-o %s: %v", output, err)
		}
	}
	if info, err := os.Lstat(filepath.Join(work, "link")); err != nil || info.Mode().Type() != os.ModeSymlink {
		t.Errorf("the link became %v, %v", info, err)
	}
}

func TestTheHelpOfPullSaysWhatToMount(t *testing.T) {
	_, stdout, _ := leiociIn(t, t.TempDir(), "", "pull", "--help")
	if !strings.Contains(strings.Join(strings.Fields(stdout), " "), "mount its parent") {
		t.Errorf("it says %q", stdout)
	}
}
