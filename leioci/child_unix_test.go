//go:build unix

package leioci_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/lowendinsight/lei-go/leioci"
)

// A child is a pull in a separate process, which runs this test binary.
type child struct {
	Ref string
	Dir string
	// UID, if not 0, is the user that it runs as.
	UID int
	// FileSize, if not 0, limits the size of its files, in bytes: a write beyond that is EFBIG.
	FileSize uint64
}

// childVariable is the environment variable that configures a child.
const childVariable = "LEIOCI_TEST_CHILD"

// actAsChild pulls if this process is a child. It then reports that and waits for the end of its
// standard input, so that it can still be killed.
func actAsChild() {
	job := os.Getenv(childVariable)
	if job == "" {
		return
	}
	var c child
	err := json.Unmarshal([]byte(job), &c)
	if err == nil {
		err = errors.Join(c.limit(), c.pull())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("pulled")
	_, _ = io.Copy(io.Discard, os.Stdin) // it ends with the parent
	os.Exit(0)
}

// limit drops permissions and sets limits as configured.
func (c child) limit() error {
	if c.FileSize != 0 {
		signal.Ignore(syscall.SIGXFSZ) // which would kill the process
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: c.FileSize, Max: c.FileSize}); err != nil {
			return err
		}
	}
	if c.UID != 0 {
		return errors.Join(syscall.Setgroups(nil), syscall.Setgid(c.UID), syscall.Setuid(c.UID))
	}
	return nil
}

func (c child) pull() error {
	ref, err := leioci.ParseReference(c.Ref)
	if err != nil {
		return err
	}
	client, err := leioci.New(once(), leioci.WithAuth(ref.Context().RegistryStr(), authn.Anonymous))
	if err != nil {
		return err
	}
	_, err = client.PullSnapshot(context.Background(), ref, c.Dir)
	return err
}

// command returns the command for the process, not yet started.
func (c child) command(t testing.TB) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	must(t, err)
	job, err := json.Marshal(c)
	must(t, err)
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), childVariable+"="+string(job))
	return cmd
}

// run runs the child until it exits. The error has the text that the child printed.
func (c child) run(t testing.TB) error {
	t.Helper()
	return run(c.command(t))
}

func run(cmd *exec.Cmd) error {
	_, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(exit.Stderr) > 0 {
		return errors.New(string(exit.Stderr[:len(exit.Stderr)-1]))
	}
	return err
}

// A running is a child that can be killed.
type running struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	pulled chan error // nil once it has pulled
}

// start starts the child.
func (c child) start(t testing.TB) *running {
	t.Helper()
	cmd := c.command(t)
	stdin, err := cmd.StdinPipe()
	must(t, err)
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	cmd.Stderr = os.Stderr
	must(t, cmd.Start())
	r := &running{cmd: cmd, stdin: stdin, pulled: make(chan error, 1)}
	go func() {
		_, err := bufio.NewReader(stdout).ReadString('\n')
		r.pulled <- err
	}()
	return r
}

// kill sends SIGKILL and waits for the child to exit. It fails if the child exited by itself.
func (r *running) kill(t testing.TB) {
	t.Helper()
	must(t, r.cmd.Process.Kill())
	err := r.cmd.Wait()
	_ = r.stdin.Close() // Wait has closed it
	status, ok := r.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
		t.Fatalf("the child was not killed: %v", err)
	}
}
