package repository

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestTheActionDecidesByTheNewestSnapshot(t *testing.T) {
	registry := leiocitest.NewRegistry(t)
	r, ref := newRunner(t), registry.Host()+"/org/lei-cache"
	if got := r.run(t, map[string]string{"ref": ref}); got.outputs["result"] != "notfound" || got.outputs["status"] != "7" || !got.failed {
		t.Errorf("without a snapshot: %+v", got)
	}
	pushed := r.push(t, ref)

	low, critical := "https://github.com/org/low\n", "git@github.com:org/critical.git\r\n\n"
	for _, test := range []struct {
		repo, result, status string
	}{
		{low, "passed", "0"},
		{low + critical, "risk", "6"},
		{low + "https://github.com/org/other", "undecided", "8"},
		{"", "usage", "2"},
	} {
		got := r.run(t, map[string]string{"ref": ref, "repo": test.repo, "max-age": "2d"})
		if got.outputs["result"] != test.result || got.outputs["status"] != test.status || got.failed != (test.status != "0") {
			t.Errorf("%q: %v, want %s; %s", test.repo, got.outputs, test.result, got.log)
		}
		if digest := got.outputs["digest"]; digest == "" || !strings.Contains(pushed, digest) {
			t.Errorf("digest %q, pushed %s", digest, pushed)
		}
		if decided := test.result != "usage"; decided != (got.outputs["report"] != "") {
			t.Errorf("%q: report %q", test.repo, got.outputs["report"])
		}
	}
}

func TestTheActionWritesAReport(t *testing.T) {
	registry := leiocitest.NewRegistry(t)
	r, ref := newRunner(t), registry.Host()+"/org/lei-cache"
	r.run(t, map[string]string{"ref": ref})
	r.push(t, ref)
	list, report := filepath.Join(r.temp, "a list.txt"), filepath.Join(r.temp, "a report.sarif")
	if err := os.WriteFile(list, []byte("https://github.com/org/critical\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := r.run(t, map[string]string{"ref": ref, "repos": list, "format": "sarif", "output": report, "fail-on": "critical"})
	text, err := os.ReadFile(report)
	if err != nil || got.outputs["report"] != report || !strings.Contains(string(text), `"version": "2.1.0"`) {
		t.Errorf("%v: %v, %s; %s", err, got.outputs, text, got.log)
	}
}

func TestAnActionWithTheSnapshotOfItsLastRunFetchesNoBlob(t *testing.T) {
	registry := leiocitest.NewRegistry(t)
	r, ref := newRunner(t), registry.Host()+"/org/lei-cache"
	inputs := map[string]string{"ref": ref, "repo": "https://github.com/org/low"}
	r.run(t, inputs)
	r.push(t, ref)
	r.run(t, inputs)
	before := len(registry.Requests())
	if got := r.run(t, inputs); got.failed {
		t.Error(got.log)
	}
	for _, request := range registry.Requests()[before:] {
		if strings.Contains(request, "/blobs/") {
			t.Errorf("fetched %s", request)
		}
	}
}

// TestWhatNoDigestProvesIsNotTakenFromTheCache puts into the directory what a cache may have: an
// index, which answers without the snapshot being read, a note that it was signed, or a link.
func TestWhatNoDigestProvesIsNotTakenFromTheCache(t *testing.T) {
	registry := leiocitest.NewRegistry(t)
	r, ref := newRunner(t), registry.Host()+"/org/lei-cache"
	inputs := map[string]string{"ref": ref, "repo": "https://github.com/org/critical"}
	r.run(t, inputs)
	r.push(t, ref)
	dir := r.run(t, inputs).outputs["directory"]
	planted := []string{"index.lei", "oci-verified.json", ".hidden", "directory/file"}
	for _, name := range planted {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if got := r.run(t, inputs); got.outputs["result"] != "risk" {
		t.Errorf("%v: %s", got.outputs, got.log)
	}
	for _, name := range planted {
		if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	if err := errors.Join(os.Rename(dir, elsewhere), os.Symlink(elsewhere, dir)); err != nil {
		t.Fatal(err)
	}
	if got := r.run(t, inputs); got.outputs["result"] != "risk" {
		t.Errorf("%v: %s", got.outputs, got.log)
	}
	if info, err := os.Lstat(dir); err != nil || !info.IsDir() {
		t.Errorf("the link is followed: %v, %v", info, err)
	}
}

func TestTheActionIsBuiltForTheRunnerWhateverTheJobBuildsFor(t *testing.T) {
	registry := leiocitest.NewRegistry(t)
	r, ref := newRunner(t), registry.Host()+"/org/lei-cache"
	for name, value := range map[string]string{
		"GOOS": "plan9", "GOARCH": "riscv64", "GO111MODULE": "off", "GOWORK": filepath.Join(r.temp, "go.work"), "GOFLAGS": "-tags=other -mod=vendor",
	} {
		t.Setenv(name, value)
	}
	if err := os.WriteFile(filepath.Join(r.temp, "go.mod"), []byte("module ?"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := r.run(t, map[string]string{"ref": ref}); got.outputs["result"] != "notfound" {
		t.Errorf("%v: %s", got.outputs, got.log)
	}
}

func TestEveryReferenceHasItsOwnDirectory(t *testing.T) {
	registry := leiocitest.NewRegistry(t)
	r, ref := newRunner(t), registry.Host()+"/"+strings.Repeat("long/", 40)+"lei-cache:a"
	a, b := r.run(t, map[string]string{"ref": ref}), r.run(t, map[string]string{"ref": ref + "b"})
	if a, b := a.outputs["directory"], b.outputs["directory"]; a == "" || a == b {
		t.Errorf("%q and %q", a, b)
	}
}

func TestAnOutputIsNoOption(t *testing.T) {
	registry := leiocitest.NewRegistry(t)
	r, ref := newRunner(t), registry.Host()+"/org/lei-cache"
	r.run(t, map[string]string{"ref": ref})
	r.push(t, ref)
	for _, output := range []string{"--help", "-"} {
		got := r.run(t, map[string]string{"ref": ref, "repo": "https://github.com/org/low", "output": output})
		if got.failed || !strings.Contains(got.log, "1 checked") {
			t.Errorf("%s: %v, %s", output, got.outputs, got.log)
		}
	}
}

func TestInputsAreNoScripts(t *testing.T) {
	registry := leiocitest.NewRegistry(t)
	r, ref := newRunner(t), registry.Host()+"/org/lei-cache"
	r.run(t, map[string]string{"ref": ref})
	r.push(t, ref)
	for _, evil := range []string{"\"; touch pwned; \" $(touch pwned) `touch pwned` *", "--output=pwned", "x\ny=pwned"} {
		for input := range r.action.Inputs {
			inputs := map[string]string{"ref": ref, "repo": "https://github.com/org/low", input: evil}
			got := r.run(t, inputs)
			if _, err := os.Stat(filepath.Join(r.temp, "pwned")); err == nil {
				t.Fatalf("%s %q was run: %s", input, evil, got.log)
			}
		}
	}
}

func TestTheRunnerObeysNoNameThatAReportOrABillOfMaterialsHas(t *testing.T) {
	registry := leiocitest.NewRegistry(t)
	r, ref := newRunner(t), registry.Host()+"/org/lei-cache"
	r.run(t, map[string]string{"ref": ref})
	r.push(t, ref)
	got := r.run(t, map[string]string{"ref": ref, "repo": "::error::evil\nhttps://github.com/org/low"})
	stopped := ""
	for line := range strings.Lines(got.log) {
		line = strings.TrimSpace(line)
		switch {
		case stopped == "" && strings.HasPrefix(line, "::stop-commands::"):
			stopped = strings.TrimPrefix(line, "::stop-commands::")
		case line == "::"+stopped+"::":
			stopped = ""
		case stopped == "" && strings.Contains(line, "evil"):
			t.Errorf("the runner sees %q", line)
		}
	}
	if !strings.Contains(got.log, "evil") || stopped != "" {
		t.Errorf("log: %s", got.log)
	}
}
