package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

const (
	reportA = `{"header":{"repo":"https://example.org/a"},"data":{"repo":"https://example.org/a","risk":"high","n":1.50}}`
	reportB = `{"header":{"repo":"https://example.org/b"},"data":{"repo":"https://example.org/b","risk":"low"}}`
)

// A shell is what a command finds when it is started.
type shell struct {
	dir   string
	stdin io.Reader
	env   map[string]string
}

func (s shell) run(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	return s.runUntil(t, t.Context(), args...)
}

func (s shell) runUntil(t *testing.T, ctx context.Context, args ...string) (status int, stdout, stderr string) { //nolint:revive // t comes first
	t.Helper()
	t.Chdir(s.dir)
	var out, errs strings.Builder
	status = run(ctx, args, environment{func(name string) string { return s.env[name] }, s.stdin, &out, &errs})
	return status, out.String(), errs.String()
}

func compressed(t *testing.T, texts ...string) string {
	t.Helper()
	var b bytes.Buffer
	for _, text := range texts { // a member each
		z := gzip.NewWriter(&b)
		if _, err := io.WriteString(z, text); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// reportsIn returns the lines of a snapshot, which must be in order.
func reportsIn(t *testing.T, dir string) []string {
	t.Helper()
	s, err := snapshot.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Verify(t.Context()); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for r, err := range s.Reports(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(r.Raw))
	}
	return lines
}

// assertEntries fails unless a directory has exactly these entries, in this order.
func assertEntries(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	if strings.Join(names, " ") != strings.Join(want, " ") {
		t.Errorf("%s has %q, want %q", dir, names, want)
	}
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
