package staging

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestATargetIsRefusedForWhatItIsWithoutBeingTouched(t *testing.T) {
	parent := t.TempDir()
	path := func(name string) string { return filepath.Join(parent, name) }
	must(t, os.WriteFile(path("file"), nil, 0o600))
	must(t, os.Mkdir(path("empty"), 0o700))
	must(t, os.Mkdir(path("foreign"), 0o700))
	must(t, os.WriteFile(filepath.Join(path("foreign"), "notes.txt"), nil, 0o600))
	must(t, os.Mkdir(path("work"), 0o700))
	oldContent.write(t, path("old"))
	must(t, os.MkdirAll(filepath.Join(path("odd"), "a"), 0o700))
	for name, to := range map[string]string{
		"to-old": "old", "to-file": "file", "dangling": "absent", "loop": "loop", "to-work": "work",
	} {
		must(t, os.Symlink(to, path(name)))
	}
	t.Chdir(path("work"))
	for target, says := range map[string]string{
		"":                       "no target directory given",
		".":                      "working directory",
		path("work"):             "working directory",
		path("to-work"):          "working directory",
		path("file"):             "not a directory",
		path("file") + "/":       "not a directory",
		path("file") + "/inside": "",
		path("to-file"):          "not a directory",
		path("foreign"):          `contains "notes.txt"`,
		path("odd"):              `contains "a", which is not a regular file`,
		path("dangling"):         "dangling symbolic link",
		path("loop"):             "",
		path("a\x00b"):           "",
	} {
		before := entriesOf(t, parent)
		err := Check(target, threeFiles)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: got %v, want %q", target, err, says)
		}
		if got := entriesOf(t, parent); got != before {
			t.Errorf("%q: %s became %s", target, before, got)
		}
	}
	for _, target := range []string{"absent", "absent/inside", "empty", "empty/", "old", "to-old", "to-old/"} {
		if err := Check(path(target), threeFiles); err != nil {
			t.Errorf("%s: %v", target, err)
		}
	}
}

func TestAPathMeansWhatItMeansToEverybody(t *testing.T) {
	parent, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	must(t, os.MkdirAll(filepath.Join(parent, "real", "deep"), 0o700))
	must(t, os.Symlink("real/deep", filepath.Join(parent, "link")))
	t.Chdir(parent)
	for path, want := range map[string]string{
		"":                          "",
		"lei":                       parent + "/lei",
		"./a//lei/.":                parent + "/a/lei",
		"..lei/lei..":               parent + "/..lei/lei..",
		"absent/../lei":             parent + "/lei",
		"real/../lei":               parent + "/lei",
		"real/deep/../../real/lei/": parent + "/real/lei",
		"link/../lei":               parent + "/real/lei",
		"link/../../link/../a/lei":  parent + "/real/a/lei",
		parent + "/link/..":         parent + "/real",
		"/../..":                    "/",
	} {
		if runtime.GOOS == "windows" {
			break // ".." is the parent of the link there, to everybody
		}
		if got := Absolute(path); got != want {
			t.Errorf("%q is %q, want %q", path, got, want)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func entriesOf(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return strings.Join(names, " ")
}
