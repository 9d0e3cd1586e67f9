//go:build linux || darwin

package staging

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestFilesOwnedByAnotherUserAreNotUsed(t *testing.T) {
	if os.Geteuid() != 0 {
		return // only root can give a file away
	}
	const somebody = 12345
	target := filepath.Join(t.TempDir(), "parent", "target")
	n := namesOf(target)
	stage, partial := filepath.Join(n.parent, n.staging+"1-X"), n.partialPath("sha256-00")
	content{"a": "theirs"}.write(t, stage)
	content{filepath.Base(partial): "theirs"}.write(t, n.parent)
	if err := errors.Join(os.Chown(stage, somebody, somebody), os.Chown(partial, somebody, somebody)); err != nil {
		t.Fatal(err)
	}
	d := newDir(t, target)
	p := openPartialOf(t, d, "sha256-00")
	if err := errors.Join(appends("ours")(p), p.MoveTo("c")); err != nil {
		t.Fatal(err)
	}
	commit(t, d, "a", "b")
	if got := read(t, target); got["c"] != "ours" {
		t.Errorf("the target holds %q", got)
	}
	if got := read(t, stage); !maps.Equal(got, content{"a": "theirs"}) {
		t.Errorf("the other's directory holds %q", got)
	}
	// The owner of the parent directory is trusted.
	if err := os.Chown(n.parent, somebody, somebody); err != nil {
		t.Fatal(err)
	}
	commit(t, newDir(t, target), "a", "b")
	if left := beside(t, target); left != nil {
		t.Errorf("beside the target are %q", left)
	}
}

// Opening a pipe or a device may block, so neither is used.
func TestAPipeIsNotUsedAsAPartialFile(t *testing.T) {
	target := filepath.Join(t.TempDir(), "target")
	d := newDir(t, target)
	if err := syscall.Mkfifo(d.names.partialPath("sha256-00"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := openPartialOf(t, d, "sha256-00")
	if p.shared {
		t.Error("the pipe was used")
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	discard(t, d)
}
