//go:build unix

package main

import (
	"io"
	"strings"
	"testing"

	"github.com/creack/pty"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci"
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

func TestACopyOfManyBlobsDoesNotFillTheTerminal(t *testing.T) {
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(io.Discard, master) // until the other side is closed
	}()
	b, tally := newBars(slave), newTally()
	for i := range 500 {
		phase := leioci.PhaseReused
		if i%100 == 0 {
			phase = leioci.PhaseFetching
		}
		tally.note(leioci.Event{Blob: i + 1, Name: "x", Digest: v1.Hash{}, Phase: phase, Done: 1, Total: 2})
		b.draw(tally)
	}
	shown := map[leioci.Phase]int{}
	for i, bar := range b.each {
		if e, _ := tally.blob(i); bar != nil {
			shown[e.Phase]++
		}
	}
	if shown[leioci.PhaseFetching] != 5 || shown[leioci.PhaseReused] > mostBars {
		t.Errorf("shown are %v", shown)
	}
	b.end()
	_ = slave.Close()
	_ = master.Close()
	<-read
}
