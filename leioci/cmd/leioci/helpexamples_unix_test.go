//go:build unix

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// inDocs and inAirGap are the repositories of the examples in the help.
const (
	inDocs   = "ghcr.io/org/lei-cache"
	inAirGap = "registry.example.com/mirror/lei-cache"
)

// aroundExamples are the other programs of the examples, and a zsh's variable.
const aroundExamples = `set -o pipefail
scan() { cat reports.jsonl; }
go() { echo github.com/org/project; }
fpath=(. .)
mkdir -p ~/.config/fish/completions
`

// TestTheExamplesOfTheHelpRun runs each line of every command's examples by a shell, with a registry of
// this machine in place of the one that they name.
func TestTheExamplesOfTheHelpRun(t *testing.T) {
	for _, cmd := range availableCommands(newRoot(environment{stdout: &strings.Builder{}})) {
		if cmd.HasSubCommands() && cmd.Example == "" {
			continue
		}
		t.Run(strings.ReplaceAll(cmd.CommandPath(), " ", "_"), func(t *testing.T) {
			if cmd.Example == "" {
				t.Fatal("its help has no example")
			}
			ref := exampleRegistry(t)
			for line := range strings.Lines(cmd.Example) {
				if !strings.Contains(line, cmd.CommandPath()) {
					t.Errorf("%q is about another command", line)
				}
				if cmd.Name() != "serve" { // which has no end: its scripts have it
					runExample(t, ref, line)
				}
			}
		})
	}
}

// exampleRegistry returns a repository that has a snapshot of today, and two older ones.
func exampleRegistry(t *testing.T) string {
	t.Helper()
	ref := leiocitest.NewRegistry(t).Host() + "/org/lei-cache"
	for _, date := range []string{"2026-02-07", "2026-02-08"} {
		pushExample(t, exampleSnapshot(t, date), ref+":"+date)
	}
	pushExample(t, exampleSnapshot(t, time.Now().UTC().Format(time.DateOnly)), ref, ref+":weekly")
	return ref
}

func exampleSnapshot(t *testing.T, date string) string {
	t.Helper()
	day, err := time.Parse(time.DateOnly, date)
	if err != nil {
		t.Fatal(err)
	}
	return leiocitest.WriteSnapshot(t, day, reportA, reportB)
}

func pushExample(t *testing.T, dir string, refs ...string) {
	t.Helper()
	if status, _, stderr := leiociIn(t, t.TempDir(), "", append([]string{"push", dir}, refs...)...); status != 0 {
		t.Fatal(stderr)
	}
}

// writeExampleLayout makes an OCI image layout of a snapshot, under the tag latest.
func writeExampleLayout(t *testing.T, dir, of string) {
	t.Helper()
	img, err := leioci.Package(t.Context(), of)
	if err != nil {
		t.Fatal(err)
	}
	at, err := layout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := at.AppendImage(img, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": "latest"})); err != nil {
		t.Fatal(err)
	}
}

// runExample runs a line in a directory that has what the examples name.
func runExample(t *testing.T, ref, line string) {
	t.Helper()
	dir, home, today := t.TempDir(), t.TempDir(), exampleSnapshot(t, time.Now().UTC().Format(time.DateOnly))
	for name, from := range map[string]string{
		"export": today, "lei": today, "today": today, "yesterday": exampleSnapshot(t, "2026-02-08"),
	} {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
	}
	if status, _, stderr := leiociIn(t, dir, "", "pull", ref); status != 0 { // into ./lei-cache-latest
		t.Fatal(stderr)
	}
	writeExampleLayout(t, filepath.Join(dir, "mirror"), today)
	writeFile(t, filepath.Join(dir, "reports.jsonl"), reportA+"\n")
	writeFile(t, filepath.Join(dir, "bom.json"), `{"bomFormat":"CycloneDX","specVersion":"1.6","components":[]}`)
	for place, command := range map[string][]string{
		":lei.tar ":          {"copy", ref, "oci-archive:lei.tar"},
		":./mirror\n":        {"copy", "--all-tags", ref, "oci-layout:mirror"},
		"./lei-cache-latest": {"pull", ref},
	} {
		if !strings.Contains(line+"\n", place) {
			continue
		}
		if status, _, stderr := leiociIn(t, dir, "", command...); status != 0 {
			t.Fatal(stderr)
		}
	}
	here := strings.NewReplacer(inDocs, ref, inAirGap, strings.Replace(ref, "/org/", "/mirror/", 1))
	sh := exec.CommandContext(t.Context(), "bash", "-c", aroundExamples+here.Replace(line))
	sh.Dir, sh.Env = dir, append(os.Environ(), "HOME="+home)
	out, err := sh.CombinedOutput()
	var exit *exec.ExitError
	decided := []int{exitRisk, exitUndecided} // which a check may well come to
	if err != nil && (!errors.As(err, &exit) || !slices.Contains(decided, exit.ExitCode())) {
		t.Errorf("%s: %v\n%s", strings.TrimSpace(line), err, out)
	}
}
