package main

import (
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// waiting is a standard input that says when it is read, and has nothing until it is closed.
type waiting struct {
	io.Reader
	reached chan<- struct{}
}

func (w waiting) Read(p []byte) (int, error) {
	select {
	case w.reached <- struct{}{}:
	default:
	}
	return w.Reader.Read(p)
}

// TestEveryCommandCanBeInterrupted interrupts each command that waits for somebody.
func TestEveryCommandCanBeInterrupted(t *testing.T) {
	dir := leiocitest.WriteSnapshot(t, time.Now(), reportA)
	const ref = "REF"
	for _, args := range [][]string{
		{"pull", ref},
		{"pull", ref, "--format", "json"},
		{"push", dir, ref},
		{"push", dir, ref, "--format", "json"},
		{"push", dir, ref, "--dry-run"},
		{"verify", ref},
		{"check", ref, "--repo", "https://example.org/a"},
		{"diff", dir, ref},
		{"diff", ref, dir, "--format", "json"},
		{"tags", ref},
		{"inspect", ref},
		{"export", "--input", "-"},
		{"export", "--input", filepath.Join(absolute(t), "cache.jsonl.gz"), "--push", ref},
	} {
		t.Run(strings.Join(args[:2], " "), func(t *testing.T) {
			reg, reached := leiocitest.NewRegistry(t), make(chan struct{}, 64)
			reg.On("", "", leiocitest.Always, leiocitest.Hang(reached))
			read, write := io.Pipe()
			t.Cleanup(func() { _ = write.Close() }) // never fails
			ctx, interrupt := context.WithCancel(t.Context())
			go func() { <-reached; interrupt() }()
			line := make([]string, len(args))
			for i, arg := range args {
				line[i] = strings.ReplaceAll(arg, ref, reg.Host()+"/org/lei-cache")
			}
			status, stdout, stderr := shell{dir: t.TempDir(), stdin: waiting{read, reached}}.runUntil(t, ctx, line...)
			if status != exitInterrupted || stdout != "" {
				t.Errorf("%d, %q", status, stdout)
			}
			if !strings.HasSuffix(stderr, "leioci: interrupted; run it again to continue\n") {
				t.Errorf("it says %q", stderr)
			}
		})
	}
}

// TestWhatTakesTimeEndsWithAnInterruptThatComesFirst is for the commands that wait for nobody.
func TestWhatTakesTimeEndsWithAnInterruptThatComesFirst(t *testing.T) {
	dir := leiocitest.WriteSnapshot(t, time.Now(), reportA)
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	for _, args := range [][]string{
		{"import", dir},
		{"verify", dir},
		{"diff", dir, dir},
		{"check", dir, "--repo", "https://example.org/a"},
		{"auth", "explain", "ghcr.io/org/lei-cache"},
		{"export", "--input", filepath.Join(absolute(t), "cache.jsonl.gz")},
	} {
		status, stdout, stderr := shell{dir: t.TempDir()}.runUntil(t, ctx, args...)
		if status != exitInterrupted || stdout != "" || !strings.Contains(stderr, "interrupted") {
			t.Errorf("%q: %d, %q, %q", args, status, stdout, stderr)
		}
	}
}
