package ociarchive

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

const (
	childEnv       = "LEIOCI_ARCHIVE_CHILD" // the number of the operation at which it is killed, and its tag
	childTargetEnv = "LEIOCI_ARCHIVE_TARGET"
)

// child is the main function of a child process. It adds an artifact to an archive, and kills itself
// on the way, or else exits with the status 0.
func child(what, path string) int {
	at, tag, _ := strings.Cut(what, " ")
	kill, err := strconv.Atoi(at)
	if err != nil {
		return 1
	}
	ops := 0
	dk := faultDisk{loose{osDisk{}}, func(string) error {
		if ops++; ops != kill {
			return nil
		}
		self, err := os.FindProcess(os.Getpid())
		if err == nil {
			err = self.Kill()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		select {}
	}}
	s := newScene()
	if err := write(context.Background(), dk, path, s.m, s.new, tag); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	return 0
}

func command(t *testing.T, path string, kill int, tag string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), childEnv+"="+strconv.Itoa(kill)+" "+tag, childTargetEnv+"="+path)
	cmd.Stderr = os.Stderr
	return cmd
}

func TestWheneverAProcessIsKilledTheArchiveIsWhole(t *testing.T) {
	s := newScene()
	s.was, s.withLeft = true, true
	for at := 1; ; at++ {
		path := target(t)
		s.set(t, path)
		before := content(t, path)
		cmd := command(t, path, at, "latest")
		err := cmd.Run()
		if code := cmd.ProcessState.ExitCode(); err != nil && code > 0 && code != 1 {
			t.Fatalf("the child failed: %v", err)
		}
		if err != nil && string(content(t, path)) != string(before) {
			assertHolds(t, path, "latest", s.m, s.new) // it was killed after it had replaced the archive
			before = content(t, path)
		}
		s.assert(t, fmt.Sprintf("killed at operation %d", at), path, before, err)
		if left := beside(t, path); left != nil {
			t.Errorf("killed at operation %d: after the next copy, beside it are %q", at, left)
		}
		if err == nil {
			return
		}
	}
}

func TestOfManyProcessesNoneLosesTheTagOfAnother(t *testing.T) {
	path := target(t)
	s := newScene()
	mustWrite(t, path, s.m, s.old, "old")
	var children []*exec.Cmd
	for i := range 6 {
		cmd := command(t, path, 0, fmt.Sprintf("tag-%d", i))
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		children = append(children, cmd)
	}
	for i, cmd := range children {
		if err := cmd.Wait(); err != nil {
			t.Errorf("child %d: %v", i, err)
		}
	}
	for i := range children {
		assertHolds(t, path, fmt.Sprintf("tag-%d", i), s.m, s.new)
	}
	assertHolds(t, path, "old", s.m, s.old)
	if left := beside(t, path); left != nil {
		t.Errorf("beside it are %q", left)
	}
}
