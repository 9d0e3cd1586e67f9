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

// The limits of a helper's output. An answer is a JSON object with a user name and a secret.
const (
	maxStdout = 1 << 20
	maxStderr = 1 << 10
)

// waitDelay is how long a process outside the helper's group may hold its pipes after the helper has ended.
const waitDelay = time.Second

// program is a [client.Program] that ends with its context, together with its children.
type program struct {
	ctx   context.Context
	env   environ
	name  string
	args  []string
	input io.Reader

	stdout, stderr bounded
	err            error
}

// with is a [client.ProgramFunc].
func (p *program) with(args ...string) client.Program {
	p.args = args
	return p
}

// Input implements [client.Program].
func (p *program) Input(in io.Reader) { p.input = in }

// Output implements [client.Program].
func (p *program) Output() ([]byte, error) {
	p.err = p.run()
	return p.stdout.kept.Bytes(), p.err
}

func (p *program) run() error {
	path, err := p.env.lookPath(p.name)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(p.ctx)
	defer cancel(nil)
	p.stdout.max, p.stdout.full = maxStdout, func() { cancel(fmt.Errorf("more than %d MiB of output", maxStdout>>20)) }
	p.stderr.max, p.stderr.full = maxStderr, func() {}
	cmd := exec.CommandContext(ctx, path, p.args...)
	cmd.Env = p.env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = p.input, &p.stdout, &p.stderr
	cmd.WaitDelay = waitDelay
	kill := group(cmd)
	err = cmd.Run()
	cause := context.Cause(ctx)
	switch {
	case cause != nil:
		kill()
		return cause
	case errors.Is(err, exec.ErrWaitDelay): // it succeeded, and left a daemon behind that has its pipes, as gpg may
		return nil
	case err != nil:
		kill()
	}
	return err
}

// lookPath finds a program on the environment's PATH. As [exec.LookPath], it looks into no relative directory, and
// a name is no path.
func (e environ) lookPath(name string) (string, error) {
	if strings.ContainsAny(name, `/\`) {
		return "", fmt.Errorf("its name is a path: %w", exec.ErrNotFound)
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

// bounded keeps the first max bytes that are written to it, and calls full when there are more.
type bounded struct {
	kept bytes.Buffer
	max  int
	full func()
}

// Write implements [io.Writer]. It takes everything, so that a talkative program does not fail of a broken pipe.
func (b *bounded) Write(data []byte) (int, error) {
	n := min(len(data), b.max-b.kept.Len())
	if n < len(data) {
		b.full()
	}
	b.kept.Write(data[:n]) // never fails
	return len(data), nil
}
