package staging

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

const (
	holdEnv       = "LEIOCI_STAGING_HOLD" // what a child process holds
	holdTargetEnv = "LEIOCI_STAGING_TARGET"
)

// hold is the main function of a child process. It begins to replace a directory, says so, and
// waits until it is told to end or is killed.
func hold(what, target string) int {
	d, err := New(context.Background(), target, threeFiles, silent())
	if err != nil {
		return fail(err)
	}
	if err := create(d, "a", "half"); err != nil {
		return fail(err)
	}
	if what == "partial" {
		p, err := d.Partial("sha256-c")
		if err != nil {
			return fail(err)
		}
		if _, err := io.WriteString(p, "child"); err != nil {
			return fail(err)
		}
	}
	fmt.Println("holding")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return fail(err)
	}
	if err := d.Discard(); err != nil {
		return fail(err)
	}
	return 0
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// A holder is a child process that holds something.
type holder struct {
	cmd   *exec.Cmd
	stdin io.Closer
}

func startHolder(t *testing.T, what, target string) *holder {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), holdEnv+"="+what, holdTargetEnv+"="+target)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || line != "holding\n" {
		t.Fatalf("the child says %q, %v", line, err)
	}
	return &holder{cmd, stdin}
}

// kill ends the child with SIGKILL.
func (h *holder) kill(t *testing.T) {
	t.Helper()
	if err := h.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := h.cmd.Wait(); err == nil {
		t.Fatal("the child was not killed")
	}
}

// end lets the child end by itself.
func (h *holder) end(t *testing.T) {
	t.Helper()
	if err := h.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := h.cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// locksDirs says that directories can be locked. Elsewhere a directory counts as in use for a day.
const locksDirs = runtime.GOOS == "linux" || runtime.GOOS == "darwin"

func TestFilesInUseByAnotherProcessAreLeftAlone(t *testing.T) {
	target := filepath.Join(t.TempDir(), "parent", "target")
	oldContent.write(t, target)
	h := startHolder(t, "partial", target)
	before := beside(t, target)
	if len(before) != 3 { // the lock, the new directory and the partial file
		t.Fatalf("the child holds %q", before)
	}
	d := newUnlockedDir(t, target)
	p := openPartialOf(t, d, "sha256-c")
	if p.Size() != 0 || filepath.Dir(p.path) != d.Path() {
		t.Errorf("a partial file with %d bytes was given twice: %s", p.Size(), p.path)
	}
	if _, err := io.WriteString(p, newContent["c"]); err != nil {
		t.Fatal(err)
	}
	if err := p.MoveTo(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	commit(t, d, newContent["a"], newContent["b"])
	if got := read(t, target); !maps.Equal(got, newContent) {
		t.Errorf("the target holds %q", got)
	}
	if got := beside(t, target); !slices.Equal(got, before) {
		t.Errorf("beside it are %q, want %q", got, before)
	}
	h.end(t)
}

func TestLeftoversOfAKilledProcessAreSweptOrContinued(t *testing.T) {
	target := filepath.Join(t.TempDir(), "parent", "target")
	oldContent.write(t, target)
	startHolder(t, "partial", target).kill(t)
	if locksDirs {
		d := newDir(t, target)
		staging := slices.DeleteFunc(beside(t, target), func(name string) bool { return !strings.Contains(name, "staging") })
		if want := []string{filepath.Base(d.Path())}; !slices.Equal(staging, want) {
			t.Errorf("beside it are %q, want %q", staging, want)
		}
		discard(t, d)
	}
	d := newDir(t, target)
	p := openPartialOf(t, d, "sha256-c")
	if there, err := io.ReadAll(p.Content()); err != nil || string(there) != "child" || p.Size() != 5 {
		t.Errorf("the partial file holds %q (%d), %v", there, p.Size(), err)
	}
	if err := p.MoveTo(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	commit(t, d, "a", "b")
	if got := read(t, target); got["c"] != "child" {
		t.Errorf("the target holds %q", got)
	}
	if left := beside(t, target); locksDirs && left != nil {
		t.Errorf("beside it are %q", left)
	}
}

func TestACommitRemovesThePartialFileOfAKilledProcess(t *testing.T) {
	target := filepath.Join(t.TempDir(), "parent", "target")
	d := newUnlockedDir(t, target)
	startHolder(t, "partial", target).kill(t)
	commit(t, d, "a", "b")
	isPartial := func(name string) bool { return strings.HasPrefix(name, d.names.partial) }
	if left := beside(t, target); locksDirs && slices.ContainsFunc(left, isPartial) {
		t.Errorf("beside it are %q", left)
	}
}

func newDir(t *testing.T, target string) *Dir {
	t.Helper()
	d, err := New(t.Context(), target, threeFiles, silent())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func openPartialOf(t *testing.T, d *Dir, id string) *Partial {
	t.Helper()
	p, err := d.Partial(id)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// commit writes the required files and commits.
func commit(t *testing.T, d *Dir, a, b string) {
	t.Helper()
	for name, data := range map[string]string{"a": a, "b": b} {
		if err := create(d, name, data); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Commit(t.Context(), func() error { return nil }); err != nil {
		t.Fatal(err)
	}
}

func discard(t *testing.T, d *Dir) {
	t.Helper()
	if err := d.Discard(); err != nil {
		t.Error(err)
	}
}
