//go:build linux || darwin

package ocilayout_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestFilesGetTheModesThatTheUmaskLeaves(t *testing.T) {
	for umask, want := range map[int]struct{ dir, file fs.FileMode }{0o022: {0o755, 0o644}, 0o077: {0o700, 0o600}, 0o002: {0o775, 0o664}} {
		dir := filepath.Join(t.TempDir(), "layout")
		old := syscall.Umask(umask)
		w := newWriter(t, dir)
		err := putAll(t.Context(), w, open(t, filepath.Join("testdata", "both")))
		syscall.Umask(old)
		must(t, err)
		must(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := e.Info()
			if mode := info.Mode().Perm(); e.IsDir() && mode != want.dir || !e.IsDir() && mode != want.file {
				t.Errorf("umask %#o: %s has the mode %#o", umask, path, mode)
			}
			return err
		}))
	}
	dir := copyOf(t, "both")
	must(t, os.Chmod(filepath.Join(dir, "index.json"), 0o640))
	w := newWriter(t, dir)
	must(t, putAll(t.Context(), w, open(t, filepath.Join("testdata", "att"))))
	if info, err := os.Stat(filepath.Join(dir, "index.json")); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("index.json got another mode: %v, %v", info.Mode(), err)
	}
}

func TestAnIncompleteFileThatIsRemovedMeanwhileIsNotMissed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "layout")
	for name, remove := range map[string]func(file string){
		"removed":  func(file string) { must(t, os.RemoveAll(filepath.Dir(file))) },
		"replaced": func(file string) { must(t, os.WriteFile(file+".x", nil, 0o600)); must(t, os.Rename(file+".x", file)) },
	} {
		m := &memory{}
		d := m.blob(5000, byte(len(name)))
		m.interval = func() { remove(filepath.Join(dir, ".leioci-ingest", "sha256-"+d.Digest.Hex)) }
		w := newWriter(t, dir)
		if err := w.PutBlob(t.Context(), d, m); err == nil || !strings.Contains(err.Error(), "try again") {
			t.Errorf("%s: got %v", name, err)
		}
		m.interval = nil
		must(t, w.PutBlob(t.Context(), d, m))
		if got, err := os.ReadFile(blobFile(dir, d.Digest)); err != nil || !bytes.Equal(got, m.blobs[d.Digest]) {
			t.Errorf("%s: the blob is not right, %v", name, err)
		}
		must(t, w.Commit(t.Context()))
	}
}

// limitedEnv says that a test runs in a process of its own.
const limitedEnv = "LEIOCI_OCILAYOUT_LIMITED"

// A limit on files is one on all of a process's, and like a full disk to it.
func TestAFullDiskIsSaidAndLosesNothing(t *testing.T) {
	if os.Getenv(limitedEnv) == "" {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		child.Env = append(os.Environ(), limitedEnv+"=1")
		if out, err := child.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		return
	}
	var unlimited syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &unlimited))
	limit := func(to uint64) {
		must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: min(to, unlimited.Max), Max: unlimited.Max}))
	}
	signal.Ignore(syscall.SIGXFSZ)
	dir := copyOf(t, "both")
	before, err := os.ReadFile(filepath.Join(dir, "index.json"))
	must(t, err)
	m := &memory{}
	d := m.blob(50_000, 1)
	w := newWriter(t, dir)
	limit(10_000)
	err = w.PutBlob(t.Context(), d, m)
	limit(unlimited.Cur)
	if !errors.Is(err, syscall.EFBIG) || !strings.Contains(err.Error(), dir) {
		t.Errorf("a blob: got %v", err)
	}
	m.read = 0
	must(t, w.PutBlob(t.Context(), d, m))
	if m.read != 40_000 {
		t.Errorf("what had room is not continued: %d bytes were fetched", m.read)
	}
	for i := range 20 {
		must(t, put(t.Context(), w, open(t, dir), "latest", fmt.Sprint("v", i)))
	}
	limit(3000)
	err = w.Commit(t.Context())
	limit(unlimited.Cur)
	if after, readErr := os.ReadFile(filepath.Join(dir, "index.json")); err == nil || readErr != nil || !bytes.Equal(before, after) {
		t.Errorf("index.json: got %v, %v; it is %s", err, readErr, after)
	}
	must(t, w.Commit(t.Context())) // once there is room
	if tags, err := open(t, dir).Tags(t.Context()); err != nil || !slices.Contains(tags, "v19") {
		t.Errorf("got %q, %v", tags, err)
	}
}

func TestADirectoryThatCannotBeWrittenToIsSaid(t *testing.T) {
	for name, prepare := range map[string]func(dir string){
		"a file where incomplete files are": func(dir string) { must(t, os.WriteFile(filepath.Join(dir, ".leioci-ingest"), nil, 0o600)) },
		"a link where incomplete files are": func(dir string) { must(t, os.Symlink(t.TempDir(), filepath.Join(dir, ".leioci-ingest"))) },
		"a link out of it where blobs are":  func(dir string) { moveOut(t, filepath.Join(dir, "blobs")) },
		"a pipe where incomplete files are": func(dir string) { must(t, syscall.Mkfifo(filepath.Join(dir, ".leioci-ingest"), 0o600)) },
		"somebody's file where the lock is": func(dir string) { must(t, os.MkdirAll(filepath.Join(dir, ".leioci-ingest", "lock"), 0o700)) },
		"a directory where the new blob is": func(dir string) { must(t, os.MkdirAll(blobFile(dir, (&memory{}).blob(100, 1).Digest), 0o700)) },
		"a directory where index.json is to": func(dir string) {
			must(t, os.Remove(filepath.Join(dir, "index.json")))
			must(t, os.Mkdir(filepath.Join(dir, "index.json"), 0o700))
		},
	} {
		dir := copyOf(t, "both")
		w := newWriter(t, dir)
		prepare(dir)
		m := &memory{}
		err := w.PutBlob(t.Context(), m.blob(100, 1), m)
		if err == nil {
			err = w.Commit(t.Context())
		}
		if err == nil || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// moveOut moves a directory elsewhere and leaves a symbolic link.
func moveOut(t *testing.T, dir string) {
	t.Helper()
	to := filepath.Join(t.TempDir(), "elsewhere")
	must(t, os.Rename(dir, to))
	must(t, os.Symlink(to, dir))
}
