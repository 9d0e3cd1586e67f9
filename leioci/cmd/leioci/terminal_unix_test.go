//go:build unix

package main

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
)

// A terminal is the command in a pseudo-terminal.
type terminal struct {
	t      *testing.T
	cmd    *exec.Cmd
	master *os.File
	output chan []byte
	seen   string
	at     int // how much of that was awaited
}

// argumentsVariable holds the command line of a child that is this binary.
const argumentsVariable = "LEIOCI_TEST_ARGUMENTS"

// TestTheCommandOfAChild is the command, in a child. Elsewhere it is nothing.
func TestTheCommandOfAChild(*testing.T) {
	if args := os.Getenv(argumentsVariable); args != "" {
		os.Exit(run(context.Background(), strings.Split(args, "\n"), environment{os.Getenv, os.Stdin, os.Stdout, os.Stderr})) //nolint:usetesting // it is no test
	}
}

// inTerminal starts the command in a process of its own, as a shell would.
func inTerminal(t *testing.T, size pty.Winsize, env []string, args ...string) *terminal {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // a machine may have a lot to do
	t.Cleanup(cancel)
	w := &terminal{t: t, cmd: exec.CommandContext(ctx, program, "-test.run=^TestTheCommandOfAChild$"), output: make(chan []byte)}
	w.cmd.Dir = t.TempDir()
	w.cmd.Env = append(append(os.Environ(), env...), argumentsVariable+"="+strings.Join(args, "\n"))
	master, err := pty.StartWithSize(w.cmd, &size)
	if err != nil {
		t.Fatal(err)
	}
	w.master = master
	go func() {
		defer close(w.output)
		for {
			b := make([]byte, 4096)
			n, err := master.Read(b)
			if n > 0 {
				w.output <- b[:n]
			}
			if err != nil {
				return // the process has ended
			}
		}
	}()
	return w
}

// await reads until the output that follows what was awaited before matches. However late it reads, it
// misses nothing.
func (w *terminal) await(expression string) string {
	w.t.Helper()
	re := regexp.MustCompile(expression)
	for {
		if found := re.FindStringIndex(w.seen[w.at:]); found != nil && found[1] > 0 {
			match := w.seen[w.at+found[0] : w.at+found[1]]
			w.at += found[1]
			return match
		}
		b, more := <-w.output
		if !more {
			w.t.Fatalf("no %q in %q", expression, w.seen[w.at:])
		}
		w.seen += string(b)
	}
}

// end reads the rest, and returns the exit status and what is left on the screen.
func (w *terminal) end() (status int, screen string) {
	w.t.Helper()
	for b := range w.output {
		w.seen += string(b)
	}
	_ = w.cmd.Wait() // the status says it
	_ = w.master.Close()
	return w.cmd.ProcessState.ExitCode(), render(w.seen)
}

var upAndErase = regexp.MustCompile(`\x1b\[(\d+)A\x1b\[J`)

// render returns what a terminal shows after an output that moves the cursor up, and erases from
// there, and does nothing else.
func render(output string) string {
	var lines []string
	rest := output
	for {
		at := upAndErase.FindStringSubmatchIndex(rest)
		text := rest
		if at != nil {
			text = rest[:at[0]]
		}
		lines = append(lines, strings.SplitAfter(text, "\n")...)
		if at == nil {
			return strings.Join(lines, "")
		}
		up := 0
		for _, digit := range rest[at[2]:at[3]] {
			up = 10*up + int(digit-'0')
		}
		lines = strings.SplitAfter(strings.Join(lines, ""), "\n")
		lines = lines[:max(0, len(lines)-1-up)]
		rest = rest[at[1]:]
	}
}

func TestATerminalShowsBarsAndThenOnlyTheResult(t *testing.T) {
	ref, release := slowRegistry(t)
	w := inTerminal(t, pty.Winsize{Rows: 24, Cols: 100}, []string{"TERM=xterm"}, "pull", ref, "-o", "lei")
	line := w.await(`cache\.jsonl\.gz[^\n]*%[^\n]*\r\n`)
	if !strings.Contains(line, "[") || len([]rune(strings.TrimSpace(line))) > 100 {
		t.Errorf("got %q", line)
	}
	if err := pty.Setsize(w.master, &pty.Winsize{Rows: 24, Cols: 30}); err != nil {
		t.Fatal(err)
	}
	w.await(`(^|\n|J)cache\.jsonl\.gz[^\n]{0,17}\r\n`)
	release()
	status, screen := w.end()
	lines := strings.Split(strings.TrimSpace(screen), "\r\n")
	if status != 0 || len(lines) != 2 || !strings.HasPrefix(lines[0], "pulled into lei") || !strings.HasPrefix(lines[1], ref+"@sha256:") {
		t.Errorf("%d, the screen shows %q after %q", status, screen, w.seen)
	}
}

func TestAnInterruptLeavesATerminalUsable(t *testing.T) {
	ref, release := slowRegistry(t)
	defer release()
	w := inTerminal(t, pty.Winsize{Rows: 24, Cols: 80}, []string{"TERM=xterm"}, "pull", ref, "-o", "lei")
	w.await(`cache\.jsonl\.gz[^\n]*%`)
	if _, err := w.master.Write([]byte{3}); err != nil { // Ctrl-C
		t.Fatal(err)
	}
	status, screen := w.end()
	screen = strings.Replace(screen, "^C", "", 1) // which the terminal echoes at any time
	if status != 130 || screen != "leioci: interrupted; run it again to continue\r\n" || strings.Contains(w.seen, "\x1b[?25l") {
		t.Errorf("%d, the screen shows %q after %q", status, screen, w.seen)
	}
}

func TestLogLinesAreAboveTheBars(t *testing.T) {
	ref, release := slowRegistry(t)
	w := inTerminal(t, pty.Winsize{Rows: 24, Cols: 80}, []string{"TERM=xterm"}, "pull", "-v", "--stall-timeout", "1s", "--attempts", "20", ref, "-o", "lei")
	w.await(`cache\.jsonl\.gz[^\n]*%`)
	w.await(`trying again`)
	release()
	status, screen := w.end()
	for line := range strings.Lines(screen) {
		if !strings.HasPrefix(line, "time=") && !strings.HasPrefix(line, "pulled into") && !strings.HasPrefix(line, ref) {
			t.Errorf("%d, a line is %q", status, line)
		}
	}
	if status != 0 || !strings.Contains(screen, "trying again") {
		t.Errorf("%d, %q", status, screen)
	}
}

// TestManyBlobsAreShownInAFewLines checks that a terminal is never filled: its first line would leave
// it with each redraw, for good.
func TestManyBlobsAreShownInAFewLines(t *testing.T) {
	for _, rows := range []uint16{2, 24} {
		ref, held, release := manyBlobs(t)
		w := inTerminal(t, pty.Winsize{Rows: rows, Cols: 80}, []string{"TERM=xterm"}, "copy", ref, "oci-layout:copied")
		for range 3 {
			w.await(held[:20] + `[^\n]*%[^\x1b]*\x1b\[\d+A`)
		}
		release()
		status, screen := w.end()
		for _, up := range regexp.MustCompile(`\x1b\[(\d+)A`).FindAllStringSubmatch(w.seen, -1) {
			if n, err := strconv.Atoi(up[1]); err != nil || n >= int(rows) || n > mostBars {
				t.Errorf("%d of %d lines are filled", n, rows)
			}
		}
		if lines := strings.Split(strings.TrimSpace(screen), "\r\n"); status != 0 || len(lines) != 2 || !strings.HasPrefix(lines[0], "copied") {
			t.Errorf("%d, the screen shows %q", status, screen)
		}
	}
}

func TestSomeTerminalsShowNoBars(t *testing.T) {
	ref, release := slowRegistry(t)
	release()
	for name, tc := range map[string]struct {
		size pty.Winsize
		env  string
		flag string
	}{
		"dumb":            {pty.Winsize{Rows: 24, Cols: 80}, "TERM=dumb", "--plain-http"},
		"without a width": {pty.Winsize{}, "TERM=xterm", "--plain-http"},
		"a single line":   {pty.Winsize{Rows: 1, Cols: 80}, "TERM=xterm", "--plain-http"},
		"quiet":           {pty.Winsize{Rows: 24, Cols: 80}, "TERM=xterm", "-q"},
	} {
		w := inTerminal(t, tc.size, []string{tc.env}, "pull", tc.flag, ref, "-o", "lei")
		if status, _ := w.end(); status != 0 || strings.Contains(w.seen, "\x1b") {
			t.Errorf("%s: %d, %q", name, status, w.seen)
		}
	}
}

// frame awaits a frame, and returns how wide it is.
func (w *terminal) frame() (width int) {
	w.t.Helper()
	text := w.await(`\x1b\[J[^\x1b]*\x1b\[\dA`)
	for line := range strings.Lines(strings.TrimPrefix(text, "\x1b[J")) {
		width = max(width, len([]rune(strings.TrimRight(strings.Split(line, "\x1b")[0], "\r\n"))))
	}
	return width
}

func TestATerminalOfAnyWidthIsFitFor(t *testing.T) {
	ref, release := slowRegistry(t)
	w := inTerminal(t, pty.Winsize{Rows: 2, Cols: 1}, []string{"TERM=xterm"}, "pull", ref, "-o", "lei")
	for _, columns := range []uint16{1, 2, 10, 500} {
		if err := pty.Setsize(w.master, &pty.Winsize{Rows: 24, Cols: columns}); err != nil {
			t.Fatal(err)
		}
		width := w.frame()
		for width > int(columns) { // it may have been drawn before the change, and is read only now
			width = w.frame()
		}
		for range 3 {
			if width = w.frame(); width > int(columns) {
				t.Errorf("%d columns: a line has %d, after %q", columns, width, w.seen)
			}
		}
	}
	release()
	if status, screen := w.end(); status != 0 {
		t.Errorf("%d, %q", status, screen)
	}
}
