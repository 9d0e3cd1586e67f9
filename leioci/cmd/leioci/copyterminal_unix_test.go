//go:build unix

package main

import (
	"strings"
	"testing"

	"github.com/creack/pty"
)

func TestACopyShowsBarsOnATerminal(t *testing.T) {
	ref, release := slowRegistry(t)
	w := inTerminal(t, pty.Winsize{Rows: 24, Cols: 100}, []string{"TERM=xterm"}, "copy", ref, "oci-layout:lei")
	w.await(`cache\.jsonl\.gz[^\n]*%[^\n]*\r\n`)
	release()
	status, screen := w.end()
	lines := strings.Split(strings.TrimSpace(screen), "\r\n")
	if status != 0 || len(lines) != 2 || !strings.HasPrefix(lines[0], "copied ") || !strings.HasPrefix(lines[1], "oci-layout:lei@sha256:") {
		t.Errorf("%d, the screen shows %q after %q", status, screen, w.seen)
	}
}
