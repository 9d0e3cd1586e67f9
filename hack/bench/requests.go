//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/lowendinsight/lei-go/hack/bench/internal/artifact"
	"github.com/lowendinsight/lei-go/hack/bench/internal/world"
)

// requests counts the requests of fresh processes at a proxy.
func requests(authentication bool) func(context.Context, *harness, int) ([]row, error) {
	prefix := "requests: "
	if authentication {
		prefix = "requests with tokens: "
	}
	return func(ctx context.Context, h *harness, _ int) ([]row, error) {
		a, err := h.artifact(ctx, 64<<10)
		if err != nil {
			return nil, err
		}
		proxy, err := world.StartCounter(ctx, h.registry.Host, authentication)
		if err != nil {
			return nil, err
		}
		defer proxy.Stop()
		home := h.home
		if authentication {
			if home, err = h.writeCredentials(proxy.Host); err != nil {
				return nil, err
			}
		}
		var rows []row
		for _, name := range []string{"cold push", "cold push, three tags", "warm push", "cold pull", "repeated pull"} {
			rows = append(rows, row{name: prefix + name, format: "%.0f", figures: map[string]float64{}})
		}
		for _, p := range h.programs {
			if authentication && p.name == leastWork {
				continue // it cannot authenticate
			}
			c := counting{h, proxy, p, a, home}
			counts, err := c.all(ctx)
			if err != nil {
				return nil, err
			}
			for i, count := range counts {
				if p.name == leastWork && count >= 0 {
					rows[i].base = fmt.Sprint(count)
				}
				if count >= 0 {
					rows[i].figures[p.name] = float64(count)
				}
			}
		}
		return rows, nil
	}
}

// counting counts the requests of one program.
type counting struct {
	*harness
	proxy    *world.Counter
	program  program
	artifact *artifact.Artifact
	home     string
}

// all returns the counts in the order of the rows, -1 for what the program cannot do.
func (c counting) all(ctx context.Context) (counts []int, err error) {
	at := place{host: c.proxy.Host, repo: c.newPlace("").repo, home: c.home}
	pushOne := [][]string{c.program.push(c.artifact, at, "latest")}
	elsewhere := place{host: c.proxy.Host, repo: c.newPlace("").repo, home: c.home}
	out, err := c.newOutput(c.program)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(filepath.Dir(out))) }()
	pull := [][]string{c.program.pull(at, "latest", out)}
	steps := []struct {
		name  string
		lines [][]string
	}{
		{"cold push", pushOne},
		{"cold push, three tags", c.threeTags(elsewhere)},
		{"warm push", pushOne},
		{"cold pull", pull},
		{"repeated pull", pull},
	}
	counts = make([]int, len(steps))
	for i, step := range steps {
		if counts[i], err = c.count(ctx, at, step.name, step.lines); err != nil {
			return nil, err
		}
	}
	return counts, nil
}

// threeTags returns the command lines for a push under three tags.
func (c counting) threeTags(at place) [][]string {
	switch {
	case c.program.name == leastWork:
		return nil
	case c.program.more == nil:
		return [][]string{c.program.push(c.artifact, at, strings.Join(threeTags(), ","))}
	}
	first := c.program.push(c.artifact, at, threeTags()[0])
	return append([][]string{first}, c.program.more(c.artifact, at, threeTags()[0])...)
}

func (c counting) count(ctx context.Context, at place, name string, lines [][]string) (int, error) {
	if lines == nil || c.program.name == leastWork && name == "repeated pull" {
		return -1, nil
	}
	c.proxy.Requests()
	for _, line := range lines {
		if _, err := c.launcher.Run(ctx, c.program.command(c.artifact.Dir, at, line)); err != nil {
			return 0, err
		}
	}
	seen := c.proxy.Requests()
	if c.verbose {
		fmt.Fprintf(os.Stderr, "%s, %s:\n  %s\n", c.program.name, name, strings.Join(seen, "\n  "))
	}
	return len(seen), nil
}
