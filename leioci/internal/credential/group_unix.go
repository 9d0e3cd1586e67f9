//go:build unix

package credential

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// group makes the command the leader of a process group of its own, and lets the end of its context kill the group:
// a helper is often a script, and the program that hangs is its child. The function kills what is left of the group
// after the command itself has ended, of which package exec takes no notice.
func group(cmd *exec.Cmd) (kill func()) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error {
		err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		if errors.Is(err, syscall.ESRCH) {
			return os.ErrProcessDone
		}
		return err
	}
	return func() {
		if cmd.Process != nil {
			_ = cmd.Cancel() // most often there is nothing left
		}
	}
}
