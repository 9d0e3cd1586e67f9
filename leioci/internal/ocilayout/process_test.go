package ocilayout_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/ocilayout"
	"github.com/lowendinsight/lei-go/leioci/internal/testenv"
)

const (
	childEnv = "LEIOCI_OCILAYOUT_CHILD" // the tag that a child process writes
	dirEnv   = "LEIOCI_OCILAYOUT_DIR"
)

func TestMain(m *testing.M) {
	if tag := os.Getenv(childEnv); tag != "" {
		os.Exit(child(tag, os.Getenv(dirEnv)))
	}
	testenv.Main(m)
}

// child copies an artifact, and something large, to a layout, and gives it a tag. Before each step
// it says so, and waits until it is told to go on.
func child(tag, dir string) int {
	stdin := bufio.NewReader(os.Stdin)
	step := func() {
		fmt.Println("step")
		if _, err := stdin.ReadString('\n'); err != nil && err != io.EOF { // at the end, it goes on by itself
			fmt.Fprintln(os.Stderr, err)
		}
	}
	if err := childSteps(context.Background(), tag, dir, step); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func childSteps(ctx context.Context, tag, dir string, step func()) error {
	step()
	from, err := ocilayout.Open(ctx, filepath.Join("testdata", "both"))
	if err != nil {
		return err
	}
	w, err := ocilayout.NewWriter(ctx, dir, silent())
	if err != nil {
		return err
	}
	m := &memory{interval: step}
	if err := w.PutBlob(ctx, m.blob(3000, 1), m); err != nil {
		return err
	}
	step()
	if err := put(ctx, w, from, "latest", tag); err != nil {
		return err
	}
	step()
	if err := put(ctx, w, from, "sha256-"+strings.TrimPrefix(artifact, "sha256:")); err != nil {
		return err
	}
	step()
	if err := errors.Join(w.Commit(ctx), w.Close()); err != nil {
		return err
	}
	step()
	return nil
}

// A process is a child process.
type process struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
}

func start(t *testing.T, tag, dir string) *process {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+tag, dirEnv+"="+dir)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	must(t, err)
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	return &process{cmd, stdin, bufio.NewReader(stdout)}
}

// step waits until the child is at its next step. It reports whether there is one.
func (p *process) step(t *testing.T) bool {
	t.Helper()
	line, err := p.stdout.ReadString('\n')
	if err != nil && err != io.EOF {
		t.Fatal(err)
	}
	return line == "step\n"
}

func (p *process) goOn(t *testing.T) {
	t.Helper()
	if _, err := io.WriteString(p.stdin, "\n"); err != nil {
		t.Fatal(err)
	}
}

// kill kills a child. One that runs may have ended by then.
func (p *process) kill(t *testing.T, running bool) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err == nil && !running {
		t.Fatal("the child was not killed")
	}
}

// A child is killed at each of its steps, and, by the last, once it may be doing what comes after.
func TestAKilledWriterLeavesTheLayoutAsItWasAndTheNextGoesOn(t *testing.T) {
	for _, running := range []bool{false, true} {
		for at, last := 1, false; !last; at++ {
			dir := filepath.Join(t.TempDir(), "layout")
			w := newWriter(t, dir)
			must(t, putAll(t.Context(), w, open(t, filepath.Join("testdata", "att"))))
			before, err := open(t, dir).Tags(t.Context())
			must(t, err)

			p := start(t, "new", dir)
			for i := 1; ; i++ {
				if last = !p.step(t); last || i == at {
					break
				}
				p.goOn(t)
			}
			if last {
				must(t, p.cmd.Wait())
			} else {
				if running {
					p.goOn(t)
				}
				p.kill(t, running)
			}
			l := open(t, dir)
			tags, err := l.Tags(t.Context())
			must(t, err)
			for _, tag := range before {
				if !slices.Contains(tags, tag) {
					t.Errorf("killed at %d: the tags are %q", at, tags)
				}
			}
			for _, tag := range tags {
				if err := put(t.Context(), discard{}, l, tag); err != nil {
					t.Errorf("killed at %d: %s: %v", at, tag, err)
				}
			}
			next := start(t, "new", dir)
			must(t, next.stdin.Close())
			for next.step(t) {
			}
			must(t, next.cmd.Wait())
			if _, err := l.Manifest(t.Context(), "new"); err != nil {
				t.Errorf("killed at %d: the next one: %v", at, err)
			}
			if got := files(t, dir); locks && !slices.Equal(got, []string{"blobs", "blobs/sha256", "index.json", "oci-layout"}) {
				t.Errorf("killed at %d: it holds %q", at, got)
			}
		}
	}
}

func TestTwoProcessesThatCopyToOneLayoutBothSucceed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "layout")
	var children []*process
	tags := []string{"a", "b", "c"}
	for _, tag := range tags {
		children = append(children, start(t, tag, dir))
	}
	for more := true; more; { // in step
		for _, p := range children {
			if more = p.step(t); more {
				p.goOn(t)
			}
		}
	}
	for _, p := range children {
		must(t, p.cmd.Wait())
	}
	got, err := open(t, dir).Tags(t.Context())
	must(t, err)
	for _, tag := range tags {
		if !slices.Contains(got, tag) {
			t.Errorf("the tag %s is lost: %q", tag, got)
		}
	}
	if got := files(t, dir); locks && !slices.Equal(got, []string{"blobs", "blobs/sha256", "index.json", "oci-layout"}) {
		t.Errorf("it holds %q", got)
	}
}
