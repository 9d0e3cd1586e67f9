//go:build unix

package snapshot_test

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// writeVariable is the environment variable that makes a process of this test binary write a
// snapshot to the directory that it names.
const writeVariable = "SNAPSHOT_TEST_WRITE"

// inProcess begins to write in a process of its own, which has files of at most some bytes.
func inProcess(t *testing.T, dir, limit string) (cmd *exec.Cmd, in io.WriteCloser, out *bufio.Reader) {
	t.Helper()
	cmd = exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProcessThatWrites$")
	cmd.Env = append(os.Environ(), writeVariable+"="+dir, writeVariable+"_LIMIT="+limit)
	in, err := cmd.StdinPipe()
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
	return cmd, in, bufio.NewReader(stdout)
}

// TestProcessThatWrites is the process. It says when it has written a part, waits to be told to go
// on, and says what came of it.
func TestProcessThatWrites(t *testing.T) {
	dir := os.Getenv(writeVariable)
	if dir == "" {
		return
	}
	say := func(s string) { _, _ = os.Stdout.WriteString(s + "\n") }
	if os.Getenv(writeVariable+"_LIMIT") != "" {
		signal.Ignore(syscall.SIGXFSZ)
		limit := syscall.Rlimit{Cur: 4096, Max: 4096}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			t.Fatal(err)
		}
	}
	w, err := snapshot.Create(dir, sampleOptions())
	if err != nil {
		t.Fatal(err)
	}
	err = w.AddFrom(t.Context(), strings.NewReader(varied(2000)))
	say("written")
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err == nil {
		_, err = w.Commit(t.Context())
	}
	if errors.Is(err, syscall.EFBIG) {
		say("no room")
	}
	discard(t, w)
}

func TestAProcessThatIsKilledLeavesOnlyWhatIsHidden(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	cmd, in, out := inProcess(t, dir, "")
	if said, err := out.ReadString('\n'); said != "written\n" {
		t.Fatal(said, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = in.Close()
	if err := cmd.Wait(); err == nil {
		t.Error("it was not killed")
	}
	entries, err := os.ReadDir(filepath.Dir(dir))
	if err != nil || len(entries) != 1 || !strings.HasPrefix(entries[0].Name(), ".leioci-writing-") {
		t.Errorf("got %v, %v", entries, err)
	}
	w, err := snapshot.Create(dir, sampleOptions())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAFullDiskLeavesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	cmd, in, out := inProcess(t, dir, "4096")
	_ = in.Close()
	said, err := io.ReadAll(out)
	if !strings.HasPrefix(string(said), "written\nno room\n") || err != nil {
		t.Errorf("it said %q, %v", said, err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	wantNames(t, filepath.Dir(dir))
}

func TestANewSnapshotIsAsAccessibleAsAnyNewFile(t *testing.T) {
	for umask, want := range map[int][2]fs.FileMode{0o022: {0o755, 0o644}, 0o077: {0o700, 0o600}, 0o002: {0o775, 0o664}} {
		old := syscall.Umask(umask)
		_, dir := exported(t, line("a"))
		syscall.Umask(old)
		for path, want := range map[string]fs.FileMode{
			dir: want[0], filepath.Join(dir, snapshot.ManifestFile): want[1], filepath.Join(dir, snapshot.CacheFile): want[1],
		} {
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
				t.Errorf("umask %o: %s is %v, %v", umask, path, info.Mode(), err)
			}
		}
	}
}
