package repository

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// readmeProgram is around the blocks of the README: each is a function, with what it takes and what
// it leaves to its reader.
const readmeProgram = `package main

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"os"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

func main() {
	ctx := context.Background()
	log.SetFlags(0)
	client, err := leioci.New()
	if err == nil {
		err = publish(ctx, client)
	}
	if err == nil {
		watching, cancel := context.WithCancel(ctx)
		var said bytes.Buffer
		log.SetOutput(until{&said, cancel})
		err = watch(watching, client) // first: a directory with a snapshot is checked later
		fmt.Print(said.String())
	}
	if err == nil {
		err = pull(ctx)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// until ends the watch at the first line that it logs.
type until struct {
	said   *bytes.Buffer
	cancel func()
}

func (u until) Write(line []byte) (int, error) {
	if u.said.Len() > 0 { // the context has ended
		return len(line), nil
	}
	u.cancel()
	return u.said.Write(line)
}
`

// readmeFunctions are what is around each block, in the README's order.
func readmeFunctions() [][2]string {
	return [][2]string{
		{"func pull(ctx context.Context) error {\n", "return nil\n}\n"},
		{`func publish(ctx context.Context, client *leioci.Client) error {
	s, err := snapshot.Open("./export")
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Verify(ctx); err != nil {
		return err
	}
	repo, err := leioci.ParseRepository("ghcr.io/org/lei-cache")
	if err != nil {
		return err
	}
`, "fmt.Println(digest.DigestStr())\nreturn err\n}\n"},
		{
			"func watch(ctx context.Context, client *leioci.Client) error {\nref, err := leioci.ParseReference(\"ghcr.io/org/lei-cache:latest\")\nif err != nil {\nreturn err\n}\n",
			"return nil\n}\n",
		},
	}
}

// TestTheProgramsOfTheReadmeRun makes a program of its Go blocks, with a registry of this machine in
// place of the one that they name, and runs it.
func TestTheProgramsOfTheReadmeRun(t *testing.T) {
	program, functions := readmeProgram, readmeFunctions()
	for _, b := range readBlocks(t, "README.md") {
		if b.language != "go" {
			continue
		}
		if len(functions) == 0 {
			t.Fatalf("no test runs this block:\n%s", b.text)
		}
		program += functions[0][0] + b.text + functions[0][1]
		functions = functions[1:]
	}
	if len(functions) > 0 {
		t.Fatalf("%d blocks are missing", len(functions))
	}
	reg := leiocitest.NewRegistry(t)
	binary := buildReadmeProgram(t, strings.ReplaceAll(program, "ghcr.io/", reg.Host()+"/"))

	work := t.TempDir()
	export := leiocitest.WriteSnapshot(t, time.Now().UTC(), `{"data":{"repo":"https://github.com/org/project","risk":"high"}}`)
	if err := os.Rename(export, filepath.Join(work, "export")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	run := exec.CommandContext(ctx, binary)
	run.Dir, run.Env = work, []string{"HOME=" + work}
	var stderr bytes.Buffer
	run.Stderr = &stderr
	out, err := run.Output()
	if err != nil {
		t.Fatalf("%v: %s%s", err, out, &stderr)
	}
	lines := strings.Split(string(out), "\n")
	want := []string{
		lines[0], "now at " + reg.Host() + "/org/lei-cache@" + lines[0],
		"https://github.com/org/project true high", "git@github.com:org/other.git false ", "",
	}
	if !strings.HasPrefix(lines[0], "sha256:") || !slices.Equal(lines, want) {
		t.Errorf("it prints %q, want %q", lines, want)
	}
}

// buildReadmeProgram builds a program outside of this module, with the library's packages.
func buildReadmeProgram(t *testing.T, program string) (binary string) {
	t.Helper()
	dir := t.TempDir()
	source := filepath.Join(dir, "main.go")
	if err := os.WriteFile(source, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	binary = filepath.Join(dir, "program")
	if out, err := exec.CommandContext(t.Context(), "go", "-C", root, "build", "-o", binary, source).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s\n%s", err, out, program)
	}
	return binary
}
