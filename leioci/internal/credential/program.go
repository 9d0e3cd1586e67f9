package credential

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/docker/docker-credential-helpers/client"
)

// The limits of a helper's output in bytes. An answer is a JSON object with a user name and a
// secret.
const (
	maxStdout = 1 << 20
	maxStderr = 1 << 10
)

// waitDelay is how long to wait for a process outside the helper's group that holds the helper's
// pipes open after the helper has ended.
const waitDelay = time.Second

// program is a [client.Program] that is killed, together with its children, when its context ends.
type program struct {
	ctx   context.Context
	env   environ
	name  string
	args  []string
	input io.Reader

	stdout, stderr limitedBuffer
	err            error
}

// withArgs is a [client.ProgramFunc].
func (p *program) withArgs(args ...string) client.Program {
	p.args = args
	return p
}

// Input implements [client.Program].
func (p *program) Input(in io.Reader) { p.input = in }

// Output implements [client.Program].
func (p *program) Output() ([]byte, error) {
	p.err = p.run()
	return bytes.TrimPrefix(p.stdout.buf.Bytes(), byteOrderMark()), p.err
}

func (p *program) run() error {
	path, err := p.env.lookPath(p.name)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(p.ctx)
	defer cancel(nil)
	p.stdout.max, p.stdout.onOverflow = maxStdout, func() {
		cancel(fmt.Errorf("more than %d MiB of output", maxStdout>>20))
	}
	p.stderr.max, p.stderr.onOverflow = maxStderr, func() {}
	cmd := exec.CommandContext(ctx, path, p.args...)
	cmd.Env = p.env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = p.input, &p.stdout, &p.stderr
	cmd.WaitDelay = waitDelay
	kill := setProcessGroup(cmd)
	err = cmd.Run()
	cause := context.Cause(ctx)
	switch {
	case cause != nil:
		kill()
		return cause
	case errors.Is(err, exec.ErrWaitDelay):
		// It succeeded, and left a daemon behind that holds its pipes open, as gpg may.
		return nil
	case err != nil:
		kill()
	}
	return err
}

// lookPath finds a program in the environment's PATH. Like [exec.LookPath], it never uses a
// relative directory. A name that is a path is an error.
func (e environ) lookPath(name string) (string, error) {
	if strings.ContainsAny(name, `/\`) {
		return "", fmt.Errorf("helper name is a path: %w", exec.ErrNotFound)
	}
	for _, dir := range filepath.SplitList(e.get("PATH")) {
		if !filepath.IsAbs(dir) {
			continue
		}
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%w; install it, or remove it from the configuration", exec.ErrNotFound)
}

// limitedBuffer keeps the first max bytes that are written to it, and calls onOverflow when there
// are more.
type limitedBuffer struct {
	buf        bytes.Buffer
	max        int
	onOverflow func()
}

// Write implements [io.Writer]. It accepts everything, so that a verbose program does not fail with
// a broken pipe.
func (b *limitedBuffer) Write(data []byte) (int, error) {
	n := min(len(data), b.max-b.buf.Len())
	if n < len(data) {
		b.onOverflow()
	}
	b.buf.Write(data[:n]) // never fails
	return len(data), nil
}
