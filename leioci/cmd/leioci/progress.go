package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8/cwriter"

	"github.com/lowendinsight/lei-go/leioci"
)

const (
	logEvery   = 10 * time.Second       // the lines of a log
	drawAfter  = 500 * time.Millisecond // bars: what takes less time needs none
	drawEvery  = 150 * time.Millisecond
	dumbTermID = "dumb" // a terminal whose cursor does not move
)

// A view shows a tally.
type view interface {
	// draw shows it as it is now.
	draw(t *tally)
	// end takes it away.
	end()
}

// stderr is standard error for whatever may be printed during a transfer. It is safe for concurrent
// use.
type stderr struct {
	mu     sync.Mutex
	direct io.Writer
	beside io.Writer // prints lines beside what is shown; nil if nothing is in the way
}

// Write prints lines.
func (s *stderr) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.beside != nil {
		return s.beside.Write(b)
	}
	return s.direct.Write(b)
}

// pass passes lines to another writer from now on, or to none.
func (s *stderr) pass(beside io.Writer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.beside = beside
}

// standardError returns what the command prints to while it transfers.
func (f *networkFlags) standardError(env environment) *stderr {
	if f.stderr == nil {
		f.stderr = &stderr{direct: env.stderr}
	}
	return f.stderr
}

// say prints what a user may want to know, and --quiet leaves out.
func (f *networkFlags) say(env environment, format string, args ...any) {
	if !f.quiet {
		fmt.Fprintf(env.stderr, format, args...)
	}
}

// show shows how a transfer gets on: as bars on a terminal, and as a line now and then elsewhere.
// Nothing of that is left on a terminal when it returns.
func (f *networkFlags) show(env environment, transfer func(leioci.TransferOption) error) error {
	t := newTally()
	if f.quiet {
		return transfer(leioci.Progress(func(leioci.Event) {}))
	}
	to := f.standardError(env)
	first, every, open := logEvery, logEvery, func() view { return lines{to} }
	if terminal := terminalOf(env); terminal != nil {
		first, every, open = drawAfter, drawEvery, func() view { return newBars(terminal) }
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		drawUntil(stop, t, to, first, every, open)
	}()
	defer func() {
		close(stop)
		<-done
	}()
	return transfer(leioci.Progress(t.note))
}

// drawUntil draws a tally until stop is closed. There is no view before the first time.
func drawUntil(stop <-chan struct{}, t *tally, to *stderr, first, every time.Duration, open func() view) {
	timer := time.NewTimer(first)
	defer timer.Stop()
	var v view
	for {
		select {
		case <-stop:
			if v != nil {
				to.pass(nil)
				v.end()
			}
			return
		case <-timer.C:
		}
		if v == nil {
			v = open()
			if beside, ok := v.(io.Writer); ok {
				to.pass(beside)
			}
		}
		v.draw(t)
		timer.Reset(every)
	}
}

// terminalOf returns standard error if that is a terminal for bars.
func terminalOf(env environment) *os.File {
	f, ok := env.stderr.(*os.File)
	if !ok || env.getenv("TERM") == dumbTermID || !cwriter.IsTerminal(int(f.Fd())) {
		return nil
	}
	if width, height, err := cwriter.GetSize(int(f.Fd())); err != nil || width < 1 || height < 2 {
		return nil // it does not say how wide it is, where a line too long would not be one, or has no room
	}
	return f
}

// lines are for a log.
type lines struct{ to *stderr }

func (l lines) draw(t *tally) {
	if line := t.line(); line != "" {
		fmt.Fprintln(l.to, "leioci: "+oneLine(line))
	}
}

func (lines) end() {}
