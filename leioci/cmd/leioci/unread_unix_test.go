//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// unreadVariable is the environment variable that makes a process of this test binary verify the
// reference that it names, as the command does.
const unreadVariable = "LEIOCI_TEST_UNREAD"

func TestProcessThatVerifies(t *testing.T) {
	if ref := os.Getenv(unreadVariable); ref != "" {
		os.Exit(run(t.Context(), []string{"verify", ref}, environment{func(string) string { return "" }, os.Stdin, os.Stdout, os.Stderr}))
	}
}

// A reader that has gone kills a process that writes to it, unless the process says otherwise.
func TestAnUnreadResultLeavesNothingBehind(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	ref := reg.Host() + "/org/lei-cache"
	if status, _, stderr := leiociIn(t, t.TempDir(), "", "push", leiocitest.WriteSnapshot(t, time.Now(), reportA), ref); status != 0 {
		t.Fatal(stderr)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer write.Close()
	if err := read.Close(); err != nil {
		t.Fatal(err)
	}
	temp := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProcessThatVerifies$")
	cmd.Env = append(os.Environ(), unreadVariable+"="+ref, "TMPDIR="+temp)
	var stderr strings.Builder
	cmd.Stdout, cmd.Stderr = write, &stderr
	if err := cmd.Run(); cmd.ProcessState.ExitCode() != 1 || !strings.Contains(stderr.String(), "broken pipe") {
		t.Errorf("%v, %q", err, stderr.String())
	}
	// What is named otherwise is of the test binary.
	if left, err := filepath.Glob(filepath.Join(temp, "leioci-[0-9]*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
