//go:build unix

// Command bench measures leioci beside other clients, and prints a table of the figures and the
// targets. README.md says what is measured. It runs in its own directory.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// config is what the flags say.
type config struct {
	tools      string // the directory with the other clients and the registry
	candidates []candidate
	only       *regexp.Regexp
	rounds     int
	full       bool
	verbose    bool
}

// candidate is a leioci binary, and the name of its column.
type candidate struct{ name, path string }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parseFlags() (config, error) {
	var c config
	testing.Init() // for -test.benchtime
	flag.StringVar(&c.tools, "tools", filepath.Join("..", "..", ".bin"), "`directory` with registry, oras, crane and regctl")
	flag.Func("leioci", "measure this [NAME=]`PATH` instead of building leioci; repeat it to compare several", func(s string) error {
		name, path, ok := strings.Cut(s, "=")
		if !ok {
			name, path = "leioci", s
			if len(c.candidates) > 0 {
				name = fmt.Sprintf("leioci-%d", len(c.candidates)+1)
			}
		}
		path, err := filepath.Abs(path)
		if err == nil {
			_, err = os.Stat(path)
		}
		c.candidates = append(c.candidates, candidate{name, path})
		return err
	})
	flag.Func("run", "measure only the scenarios that match this `regexp` (such as 'pull 64 KiB$')", func(s string) (err error) {
		c.only, err = regexp.Compile(s)
		return err
	})
	flag.IntVar(&c.rounds, "rounds", 0, "measure this many rounds, instead of the scenario's own number")
	flag.BoolVar(&c.full, "full", false, "measure everything, with more rounds")
	flag.BoolVar(&c.verbose, "v", false, "print the requests that are counted, to standard error")
	flag.Parse()
	if flag.NArg() > 0 {
		return c, errors.New("unexpected arguments: " + strings.Join(flag.Args(), " "))
	}
	var err error
	c.tools, err = filepath.Abs(c.tools)
	return c, err
}

func run(ctx context.Context) error {
	c, err := parseFlags()
	if err != nil {
		return err
	}
	h, err := newHarness(ctx, c)
	if err != nil {
		return err
	}
	defer h.close()
	t := table{targets: targets()}
	for _, p := range h.programs[1:] {
		t.columns = append(t.columns, p.name)
		if p.judged {
			t.judged = append(t.judged, p.name)
		}
	}
	t.head(os.Stdout)
	for _, s := range scenarios() {
		rounds := c.roundsOf(s)
		if rounds == 0 {
			continue
		}
		rows, err := s.run(ctx, h, rounds)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		for _, r := range rows {
			t.row(os.Stdout, r)
		}
	}
	return nil
}

// roundsOf returns how often to measure a scenario; 0: not at all.
func (c config) roundsOf(s scenario) int {
	n := s.rounds
	if c.full || n == 0 && c.only != nil {
		n = s.full
	}
	if c.only != nil && !c.only.MatchString(s.name) {
		return 0
	}
	if c.rounds > 0 && n > 0 {
		return c.rounds
	}
	return n
}
