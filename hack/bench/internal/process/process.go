//go:build unix

// Package process starts processes that do not outlive the harness.
package process

import (
	"context"
	"os/exec"
	"syscall"
)

// Command is [exec.CommandContext] for a process in a group of its own: an interrupt from the
// terminal reaches only the harness, and the end of ctx kills the process with its children.
func Command(ctx context.Context, path string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.SysProcAttr = Attributes()
	cmd.SysProcAttr.Setpgid = true
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd
}
