//go:build linux || darwin

package staging

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// somebody is a user and group that is not this process's.
const somebody = 12345

func TestFilesOwnedByAnotherUserAreNotUsed(t *testing.T) {
	if os.Geteuid() != 0 {
		return // only root can give a file away
	}
	target := filepath.Join(t.TempDir(), "parent", "target")
	n := namesOf(target)
	stage, partial := filepath.Join(n.parent, n.staging+"1-X"), n.partialPath("sha256-00")
	content{"a": "theirs"}.write(t, stage)
	content{filepath.Base(partial): "theirs"}.write(t, n.parent)
	likeTmp(t, n.parent)
	if err := errors.Join(os.Chown(stage, somebody, somebody), os.Chown(partial, somebody, somebody)); err != nil {
		t.Fatal(err)
	}
	d := newDir(t, target)
	p := openPartialOf(t, d, "sha256-00")
	if err := errors.Join(appends("ours")(p), p.MoveTo(t.Context(), "c")); err != nil {
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

// In a directory such as /tmp, others can lock what they can open, and create files with any name.
func TestNobodyElseCanStopAReplacement(t *testing.T) {
	for name, plant := range map[string]func(t *testing.T, n names) error{
		"a lock on the parent":        func(t *testing.T, n names) error { return lockUntilTheEnd(t, n.parent) },
		"a lock on the target":        func(t *testing.T, n names) error { return lockUntilTheEnd(t, filepath.Join(n.parent, "target")) },
		"a pipe for a lock file":      func(_ *testing.T, n names) error { return syscall.Mkfifo(n.lock, 0o666) },
		"a directory for a lock file": func(_ *testing.T, n names) error { return os.Mkdir(n.lock, 0o777) },
		"a link for a lock file":      func(_ *testing.T, n names) error { return os.Symlink("elsewhere", n.lock) },
		"a lock file with two names": func(t *testing.T, n names) error {
			mine := filepath.Join(n.parent, "mine")
			return errors.Join(os.WriteFile(mine, nil, 0o600), os.Link(mine, n.lock), lockUntilTheEnd(t, n.lock))
		},
		"another's lock file, locked": func(t *testing.T, n names) error {
			return errors.Join(os.WriteFile(n.lock, nil, 0o666), giveAway(n.lock), lockUntilTheEnd(t, n.lock))
		},
		"another's old directory": func(t *testing.T, n names) error {
			old := filepath.Join(n.parent, n.staging+"1-X"+asideSuffix)
			newContent.write(t, old)
			return errors.Join(giveAway(old), os.RemoveAll(filepath.Join(n.parent, "target")))
		},
		"another's new directory": func(t *testing.T, n names) error {
			stage := filepath.Join(n.parent, n.staging+"1-X")
			newContent.write(t, stage)
			return errors.Join(giveAway(stage), lockUntilTheEnd(t, stage))
		},
	} {
		t.Run(name, func(t *testing.T) {
			if os.Geteuid() != 0 && name[:7] == "another" {
				return // only root can give a file away
			}
			target := filepath.Join(t.TempDir(), "parent", "target")
			oldContent.write(t, target)
			likeTmp(t, filepath.Dir(target))
			if err := plant(t, namesOf(target)); err != nil {
				t.Fatal(err)
			}
			before := beside(t, target)
			for _, c := range []content{newerContent, newContent} {
				if err := replace(t.Context(), osDisk{}, target, c); err != nil {
					t.Fatal(err)
				}
				if got := read(t, target); !maps.Equal(got, c) {
					t.Errorf("the target holds %q", got)
				}
			}
			if after := beside(t, target); len(after) != len(before) {
				t.Errorf("beside it are %q, before %q", after, before)
			}
		})
	}
}

// likeTmp lets everybody put files into a directory.
func likeTmp(t *testing.T, dir string) {
	t.Helper()
	must(t, os.Chmod(dir, 0o777|fs.ModeSticky))
}

func giveAway(path string) error { return os.Chown(path, somebody, somebody) }

// lockUntilTheEnd locks a file or directory until the test ends.
func lockUntilTheEnd(t *testing.T, path string) error {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	t.Cleanup(func() { _ = f.Close() })
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
}
