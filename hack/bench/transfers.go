//go:build unix

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/lowendinsight/lei-go/hack/bench/internal/measure"
	"github.com/lowendinsight/lei-go/hack/bench/internal/world"
)

type quality = world.Quality

// attempt is one run of one program, of which nothing but the command is measured.
type attempt struct {
	program string
	command measure.Command
	after   func() error
}

// pushes measures cold pushes of an artifact under one tag, each into a new repository.
func pushes(bytes int64, name string, q *quality) func(context.Context, *harness, int) ([]row, error) {
	return func(ctx context.Context, h *harness, rounds int) ([]row, error) {
		a, err := h.artifact(ctx, bytes)
		if err != nil {
			return nil, err
		}
		host, stop, err := h.reach(ctx, q)
		if err != nil {
			return nil, err
		}
		defer stop()
		programs := h.programs
		if q == nil {
			for _, p := range h.programs {
				if p.judged {
					programs = append(programs[:len(programs):len(programs)], verified(p))
				}
			}
		}
		samples, err := h.inTurn(ctx, rounds, func() ([]attempt, error) {
			var attempts []attempt
			for _, p := range programs {
				at := h.newPlace(host)
				attempts = append(attempts, attempt{p.name, p.command(a.Dir, at, p.push(a, at, "latest")), nil})
			}
			return attempts, nil
		})
		if err != nil {
			return nil, err
		}
		return transferRows(name, samples, q == nil), nil
	}
}

// pulls measures cold pulls of an artifact, each into a new directory.
func pulls(bytes int64, name string, q *quality) func(context.Context, *harness, int) ([]row, error) {
	return func(ctx context.Context, h *harness, rounds int) ([]row, error) {
		a, err := h.artifact(ctx, bytes)
		if err != nil {
			return nil, err
		}
		host, stop, err := h.reach(ctx, q)
		if err != nil {
			return nil, err
		}
		defer stop()
		at, err := h.seed(ctx, a, host)
		if err != nil {
			return nil, err
		}
		samples, err := h.inTurn(ctx, rounds, func() ([]attempt, error) {
			var attempts []attempt
			for _, p := range h.programs {
				out, err := h.newOutput(p)
				if err != nil {
					return nil, err
				}
				clean := func() error { return os.RemoveAll(filepath.Dir(out)) }
				attempts = append(attempts, attempt{p.name, p.command(a.Dir, at, p.pull(at, "latest", out)), clean})
			}
			return attempts, nil
		})
		if err != nil {
			return nil, err
		}
		return transferRows(name, samples, q == nil), nil
	}
}

// newOutput returns a path to pull into, in a directory of its own. Only for regctl it exists.
func (h *harness) newOutput(p program) (string, error) {
	parent, err := os.MkdirTemp(h.dir, "out-")
	if err != nil {
		return "", err
	}
	out := filepath.Join(parent, "out")
	if p.name == "regctl" {
		return out, os.Mkdir(out, 0o755)
	}
	return out, nil
}

// reach returns the address of the registry, or of a link to it.
func (h *harness) reach(ctx context.Context, q *quality) (host string, stop func(), err error) {
	if q == nil {
		return h.registry.Host, func() {}, nil
	}
	link, err := world.StartLink(ctx, h.registry.Host, *q)
	if err != nil {
		return "", nil, err
	}
	return link.Host, func() {
		if err := link.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "bench: close the link:", err)
		}
	}, nil
}

// inTurn runs every program once in each round, one at a time. Where rounds are cheap, one more
// round comes first, and is not counted.
func (h *harness) inTurn(ctx context.Context, rounds int, round func() ([]attempt, error)) (map[string][]measure.Sample, error) {
	samples := map[string][]measure.Sample{}
	first := 0
	if rounds > 3 {
		first = -1
	}
	for n := first; n < rounds; n++ {
		attempts, err := round()
		if err != nil {
			return nil, err
		}
		for i := range attempts {
			a := attempts[(i+max(n, 0))%len(attempts)] // nobody always follows the same
			sample, err := h.launcher.Run(ctx, a.command)
			if err != nil {
				return nil, err
			}
			if a.after != nil {
				if err := a.after(); err != nil {
					return nil, err
				}
			}
			if n >= 0 {
				samples[a.program] = append(samples[a.program], sample)
			}
		}
	}
	return samples, nil
}
