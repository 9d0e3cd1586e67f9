package repository

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
)

// The loop of the sidecar goes on after a failed pull, and ends when it is told to.
func TestTheSidecarPullsAgainAndStops(t *testing.T) {
	script := sidecarScript(t)
	dir := t.TempDir()
	fake := "#!/bin/sh\necho \"$@\"\nexit 3\n"
	if err := os.WriteFile(filepath.Join(dir, "leioci"), []byte(fake), 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	// The random part of the wait is no part of what is tested.
	cmd := exec.CommandContext(ctx, "sh", "-c", strings.Replace(script, "% 600", "% 1", 1))
	cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "LEIOCI_REF=registry.internal/lei", "INTERVAL=0"}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pulls := make([]byte, 300) // of three pulls
	if _, err := io.ReadFull(stdout, pulls); err != nil || !strings.Contains(string(pulls), "--output=/var/lib/lei/current registry.internal/lei\n") {
		t.Errorf("%v: %s", err, pulls)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	// A pull that waits for its output to be read would keep the shell from ending.
	if _, err := io.Copy(io.Discard, stdout); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after a signal: %v", err)
	}
}

func sidecarScript(t *testing.T) string {
	t.Helper()
	script := ""
	eachDeployment(t, func(_ *testing.T, d *appsv1.Deployment) {
		for _, c := range containers(d) {
			if len(c.Command) == 2 && c.Command[1] == "-c" {
				script = c.Args[0]
			}
		}
	})
	if script == "" {
		t.Fatal("no script found")
	}
	return script
}
