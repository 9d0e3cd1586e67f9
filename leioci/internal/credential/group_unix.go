//go:build unix

package credential

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// setProcessGroup makes the command the leader of its own process group, and makes the end of its
// context kill the whole group: a helper is often a script, and the program that hangs is its
// child. The returned function kills what is left of the group after the command itself has ended,
// which package exec does not do.
func setProcessGroup(cmd *exec.Cmd) (kill func()) {
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
			_ = cmd.Cancel() // usually there is nothing left to kill
		}
	}
}
