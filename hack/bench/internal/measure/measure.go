//go:build unix

// Package measure runs programs, one after the other, and says what each run took.
package measure

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/lowendinsight/lei-go/hack/bench/internal/process"
)

// Command is a command line to measure.
type Command struct {
	Path string
	Args []string
	Dir  string
	Env  []string
}

func (c Command) String() string { return c.Path + " " + strings.Join(c.Args, " ") }

// Sample is what one run took.
type Sample struct {
	Wall, CPU time.Duration
	PeakKiB   int64 // of resident memory
}

// Launcher is the path of a built cmd/launch.
type Launcher string

// limit is how long one run may take. What takes longer hangs.
const limit = 3 * time.Minute

// Run runs c to its end. What c printed is part of the error if it fails.
func (l Launcher) Run(ctx context.Context, c Command) (Sample, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no end after %s", limit))
	defer cancel()
	r, w, err := os.Pipe()
	if err != nil {
		return Sample{}, err
	}
	defer r.Close()
	var printed bytes.Buffer
	cmd := process.Command(ctx, string(l), append([]string{c.Path}, c.Args...)...)
	cmd.Dir, cmd.Env = c.Dir, c.Env
	cmd.Stdout, cmd.Stderr = &printed, &printed
	cmd.ExtraFiles = []*os.File{w}
	err = cmd.Start()
	w.Close()
	if err != nil {
		return Sample{}, fmt.Errorf("%s: %w", c, err)
	}
	result, readErr := io.ReadAll(r)
	if err := cmd.Wait(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return Sample{}, fmt.Errorf("%s: %w: %s", c, err, bytes.TrimSpace(printed.Bytes()))
	}
	if readErr != nil {
		return Sample{}, readErr
	}
	var s Sample
	if _, err := fmt.Sscan(string(result), (*int64)(&s.Wall), (*int64)(&s.CPU), &s.PeakKiB); err != nil {
		return Sample{}, fmt.Errorf("%s: result %q: %w", c, result, err)
	}
	return s, nil
}
