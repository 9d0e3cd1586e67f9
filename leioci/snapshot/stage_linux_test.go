package snapshot_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

func TestAMountIsNotReplaced(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "dir")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	w, err := snapshot.Create(dir, sampleOptions())
	if err != nil {
		t.Fatal(err)
	}
	defer discard(t, w)
	if err := syscall.Mount("none", dir, "tmpfs", 0, ""); err != nil {
		t.Skip("cannot mount here:", err)
	}
	defer func() { _ = syscall.Unmount(dir, 0) }()
	if _, err := w.Commit(t.Context()); err == nil || !strings.Contains(err.Error(), "mounted") {
		t.Errorf("Commit: got %v", err)
	}
	if _, err := snapshot.Create(dir, sampleOptions()); err == nil || !strings.Contains(err.Error(), "mounted") {
		t.Errorf("Create: got %v", err)
	}
	wantNames(t, parent, "dir")
	// The file system's own directory can be written to.
	if w, err = snapshot.Create(filepath.Join(dir, "new"), sampleOptions()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(t.Context()); err != nil {
		t.Error(err)
	}
}
