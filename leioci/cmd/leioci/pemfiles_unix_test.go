//go:build unix

package main

import (
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAPipeInPlaceOfAPEMFileIsNotWaitedFor(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe.pem")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, flags := range [][]string{
		{"--ca-file", pipe},
		{"--cert-file", pipe, "--key-file", pipe},
	} {
		status, _, stderr := leiociIn(t, t.TempDir(), "", append([]string{"pull", "localhost:1/a/b"}, flags...)...)
		if status != 2 || !strings.Contains(stderr, flags[0]) || !strings.Contains(stderr, "not a regular file") {
			t.Errorf("%s: %d, %q", flags[0], status, stderr)
		}
	}
}
