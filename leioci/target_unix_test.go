//go:build unix

package leioci_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A targetRow is a directory that is hard to pull into, and the expected outcome.
type targetRow struct {
	name string
	// prepare sets up the directory of w and returns the child that pulls.
	prepare func(w *crashWorld) child
	says    []string // what the error says; nothing for a pull that succeeds
	keeps   bool     // partial downloads are kept beside the directory
}

func targetRows() []targetRow {
	return []targetRow{
		{name: "files that may not grow", says: []string{"file too large", "ulimit -f"}, keeps: true, prepare: func(w *crashWorld) child {
			c := w.pulling()
			c.FileSize = uint64(w.large.Size) / 2
			return c
		}},
		{name: "a parent that is not writable", says: []string{"permission denied", "write to its parent directory"}, prepare: func(w *crashWorld) child {
			c := w.unprivileged()
			w.chmod(w.parent, 0o555)
			return c
		}},
		{name: "a directory that is not readable", says: []string{"permission denied", "needs permission to read"}, prepare: func(w *crashWorld) child {
			c := w.unprivileged()
			w.chmod(w.dir, 0)
			return c
		}},
		{name: "another user's directory in one like /tmp", says: []string{"belongs to another user", "use another directory"}, prepare: func(w *crashWorld) child {
			if os.Geteuid() != 0 { // only root can give a directory away
				must(w.t, os.WriteFile(filepath.Join(w.dir, "belongs to another user"), nil, 0o600))
				return w.pulling()
			}
			c := w.unprivileged()
			must(w.t, os.Chown(w.parent, 0, 0))
			must(w.t, os.Chmod(w.parent, 0o777|os.ModeSticky))
			must(w.t, os.Chown(w.dir, c.UID+1, c.UID+1))
			return c
		}},
		{name: "foreign files", says: []string{"notes.txt", "use another directory"}, prepare: func(w *crashWorld) child {
			must(w.t, os.WriteFile(filepath.Join(w.dir, "notes.txt"), []byte("mine"), 0o600))
			return w.pulling()
		}},
		{name: "a foreign directory", says: []string{`"notes"`, "use another directory"}, prepare: func(w *crashWorld) child {
			must(w.t, os.Mkdir(filepath.Join(w.dir, "notes"), 0o700))
			return w.pulling()
		}},
		{name: "half of what may be a snapshot", says: []string{`"cache.jsonl.gz" is missing`, "use another directory"}, prepare: func(w *crashWorld) child {
			must(w.t, os.Remove(filepath.Join(w.dir, "cache.jsonl.gz")))
			must(w.t, os.Remove(filepath.Join(w.dir, "oci-manifest.json")))
			return w.pulling()
		}},
		{name: "half of what was pulled", prepare: func(w *crashWorld) child {
			must(w.t, os.Remove(filepath.Join(w.dir, "cache.jsonl.gz")))
			return w.pulling()
		}},
		{name: "nothing but the manifest of what was pulled", prepare: func(w *crashWorld) child {
			must(w.t, os.Remove(filepath.Join(w.dir, "cache.jsonl.gz")))
			must(w.t, os.Remove(filepath.Join(w.dir, "manifest.json")))
			return w.pulling()
		}},
		{name: "a symbolic link to nothing", says: []string{"dangling symbolic link"}, prepare: func(w *crashWorld) child {
			c := w.pulling()
			c.Dir = filepath.Join(w.t.TempDir(), "link")
			must(w.t, os.Symlink("nowhere", c.Dir))
			return c
		}},
		{name: "a symbolic link to a snapshot", prepare: func(w *crashWorld) child {
			c := w.pulling()
			c.Dir = filepath.Join(w.t.TempDir(), "link")
			must(w.t, os.Symlink(w.dir, c.Dir))
			return c
		}},
		{name: "no temporary directory", prepare: func(w *crashWorld) child {
			w.t.Setenv("TMPDIR", filepath.Join(w.parent, "absent"))
			return w.pulling()
		}},
	}
}

// mountedRows are the rows that need their own file system.
func mountedRows() []targetRow {
	return []targetRow{
		{name: "a full disk", says: []string{"no space left", "make room"}, keeps: true, prepare: func(w *crashWorld) child {
			w.mount(w.parent, fmt.Sprintf("size=%d", w.large.Size/2+256<<10))
			w.reset()
			return w.pulling()
		}},
		{name: "a read-only file system", says: []string{"read-only file system", "on a writable file system"}, prepare: func(w *crashWorld) child {
			w.mount(w.parent, "size=8m")
			w.reset()
			w.remount("ro")
			return w.pulling()
		}},
		{name: "a mount point", says: []string{"mount point", "use a directory inside it"}, prepare: func(w *crashWorld) child {
			w.mount(w.dir, "size=8m")
			w.fill()
			return w.pulling()
		}},
		{name: "an empty directory that came with a container's image", prepare: func(w *crashWorld) child {
			return w.inImage(func(string) {})
		}},
		{name: "a snapshot that came with a container's image", prepare: func(w *crashWorld) child {
			return w.inImage(func(dir string) {
				for name, content := range w.old {
					must(w.t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
				}
			})
		}},
		{name: "another file system than the temporary directory's", prepare: func(w *crashWorld) child {
			w.mount(w.parent, "size=8m")
			w.reset()
			return w.pulling()
		}},
	}
}

func TestTargetIsUnchangedByAPullThatCannotReplaceIt(t *testing.T) {
	rows := targetRows()
	if err := canMount(t); err == nil {
		rows = append(rows, mountedRows()...)
	} else {
		t.Logf("without a full disk, a read-only file system and a mount point: %v", err)
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := newCrashWorld(t)
			w.reset()
			c := row.prepare(w)
			before, beside := w.tree(), namesIn(t, filepath.Dir(c.Dir))
			err := c.run(t)
			if row.says == nil {
				if err != nil || !maps.Equal(filesOf(t, c.Dir), w.new) {
					t.Errorf("the new snapshot is not there: %v", err)
				}
			} else {
				assertOneLine(t, err, row.says...)
				if !maps.Equal(before, w.tree()) {
					t.Error("the directory was changed")
				}
			}
			w.assertBeside(filepath.Dir(c.Dir), beside, row.keeps)
			w.assertBeside(w.parent, []string{"lei"}, row.keeps)
		})
	}
}

func TestTargetOnADiskThatWasFullIsReplacedOnceThereIsRoom(t *testing.T) {
	w := newCrashWorld(t)
	w.reset()
	grow := func() {}
	full := w.pulling()
	if err := canMount(t); err == nil {
		w.mount(w.parent, fmt.Sprintf("size=%d", w.large.Size/2+256<<10))
		w.reset()
		grow = func() { w.remount("size=8m") }
	} else {
		t.Logf("a limit of the size of files stands for the full disk: %v", err)
		full.FileSize = uint64(w.large.Size) / 2
	}
	if err := full.run(t); err == nil {
		t.Fatal("the disk was not full")
	}
	if partial := w.partial(); partial < 64<<10 {
		t.Errorf("%d bytes were kept", partial)
	}
	grow()
	w.assertRecovers(phaseWithin)
}

// assertOneLine fails unless an error is a single line that contains all of says.
func assertOneLine(t testing.TB, err error, says ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("the pull succeeded")
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("the error does not say %q: %v", s, err)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("the error has more than one line: %q", err)
	}
}

// assertBeside fails unless a directory has these names, and partial files only if they are kept.
func (w *crashWorld) assertBeside(dir string, want []string, keeps bool) {
	w.t.Helper()
	got := slices.DeleteFunc(namesIn(w.t, dir), func(name string) bool { return keeps && strings.HasPrefix(name, ".leioci-partial-") })
	if !slices.Equal(got, want) {
		w.t.Errorf("%s holds %q, want %q", dir, got, want)
	}
}

// tree returns everything in the directory, with permissions, as seen by root.
func (w *crashWorld) tree() map[string]string {
	w.t.Helper()
	mode := inode(w.t, w.dir).Mode()
	if mode.Perm() == 0 {
		must(w.t, os.Chmod(w.dir, 0o700))
		defer func() { must(w.t, os.Chmod(w.dir, mode)) }()
	}
	tree := map[string]string{".": mode.String()}
	must(w.t, filepath.WalkDir(w.dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			tree[path] = "directory"
			return err
		}
		tree[path] = string(readFile(w.t, path))
		return nil
	}))
	return tree
}

// pulling returns a child that pulls the new snapshot into the directory.
func (w *crashWorld) pulling() child {
	return child{Ref: w.host + "/org/lei-cache:latest", Dir: w.dir}
}

// unprivileged returns a child that runs as an unprivileged user, and makes it own the directory.
func (w *crashWorld) unprivileged() child {
	w.t.Helper()
	c := w.pulling()
	if os.Geteuid() != 0 {
		return c
	}
	c.UID = 65534
	must(w.t, os.Chmod(filepath.Dir(w.parent), 0o755)) // which package testing makes accessible only to its own user
	for _, path := range []string{w.parent, w.dir} {
		must(w.t, os.Chown(path, c.UID, c.UID))
	}
	for name := range w.old {
		must(w.t, os.Chown(filepath.Join(w.dir, name), c.UID, c.UID))
	}
	return c
}

// chmod changes permissions until the test ends.
func (w *crashWorld) chmod(path string, perm os.FileMode) {
	w.t.Helper()
	must(w.t, os.Chmod(path, perm))
	w.t.Cleanup(func() { must(w.t, os.Chmod(path, 0o755)) })
}

// canMount returns an error if this process may not mount.
func canMount(t testing.TB) error {
	t.Helper()
	dir := t.TempDir()
	if err := mountCommand("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", dir); err != nil {
		return err
	}
	return mountCommand("umount", dir)
}

// mount mounts an empty file system until the test ends.
func (w *crashWorld) mount(dir, options string) {
	w.t.Helper()
	must(w.t, mountCommand("mount", "-t", "tmpfs", "-o", options, "tmpfs", dir))
	w.t.Cleanup(func() { must(w.t, mountCommand("umount", dir)) })
}

// inImage returns a child that pulls into a directory of the lower layer of an overlay file system,
// which fill fills, and then into what that pull put in its place. It needs such file systems.
func (w *crashWorld) inImage(fill func(dir string)) child {
	w.t.Helper()
	layers := w.t.TempDir()
	w.mount(layers, "size=16m")
	for _, dir := range []string{"lower", "lower/lei", "upper", "work", "merged"} {
		must(w.t, os.Mkdir(filepath.Join(layers, dir), 0o755))
	}
	fill(filepath.Join(layers, "lower", "lei"))
	merged := filepath.Join(layers, "merged")
	options := fmt.Sprintf("lowerdir=%[1]s/lower,upperdir=%[1]s/upper,workdir=%[1]s/work", layers)
	must(w.t, mountCommand("mount", "-t", "overlay", "-o", options, "overlay", merged))
	w.t.Cleanup(func() { must(w.t, mountCommand("umount", merged)) })
	c := w.pulling()
	c.Dir = filepath.Join(merged, "lei")
	if err := os.Rename(c.Dir, c.Dir+"-2"); err == nil {
		w.t.Fatal("the directory can be renamed")
	}
	return c
}

// remount changes the options of the file system that the directory is on.
func (w *crashWorld) remount(options string) {
	w.t.Helper()
	must(w.t, mountCommand("mount", "-o", "remount,"+options, w.parent))
}

func mountCommand(name string, args ...string) error {
	out, err := exec.CommandContext(context.Background(), name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return nil
}
