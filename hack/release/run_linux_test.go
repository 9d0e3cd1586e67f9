package main

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// checkOutput runs a program of a root file system as the image's user, with nothing around it, and
// compares what it prints.
func checkOutput(t *testing.T, root string, args []string, want string) {
	t.Helper()
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Env, cmd.Dir = []string{}, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Chroot:     root,
		Credential: &syscall.Credential{Uid: nonRoot, Gid: nonRoot},
	}
	if os.Getuid() != 0 { // root in a namespace of its own may change the root directory, but not the user
		id := []syscall.SysProcIDMap{{ContainerID: nonRoot, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Cloneflags: syscall.CLONE_NEWUSER, UidMappings: id}
	}
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != want {
		t.Errorf("%v: the image says %q, want %q", err, out, want)
	}
}
