package staging_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/staging"
)

var kind = staging.Replaceable{Required: []string{"a", "b"}, Optional: []string{"c"}}

// always allows a commit.
func always() error { return nil }

// stage fills a new directory for target, with content in every file.
func stage(t *testing.T, target, content string) *staging.Dir {
	t.Helper()
	d, err := staging.New(t.Context(), target, kind, silent())
	if err != nil {
		t.Fatal(err)
	}
	if err := fill(d, content); err != nil {
		t.Fatal(err)
	}
	return d
}

func fill(d *staging.Dir, content string) error {
	for _, name := range kind.Required {
		f, err := d.Create(name)
		if err != nil {
			return err
		}
		_, err = io.WriteString(f, content)
		if err := staging.Finish(f, err); err != nil {
			return err
		}
	}
	return nil
}

// replace makes every file of target say content.
func replace(ctx context.Context, target, content string) error {
	d, err := staging.New(ctx, target, kind, silent())
	if err != nil {
		return err
	}
	return errors.Join(fill(d, content), d.Commit(ctx, always), d.Discard())
}

// write makes files with the same content in a new directory.
func write(t *testing.T, dir, content string, names ...string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// assertHolds fails unless both files of dir say content, and nothing else is in its parent.
func assertHolds(t *testing.T, dir, content string) {
	t.Helper()
	for _, name := range kind.Required {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != content {
			t.Errorf("%s says %q, %v, want %q", name, got, err, content)
		}
	}
	assertAlone(t, dir)
}

// assertAlone fails if anything but dir is in its parent.
func assertAlone(t *testing.T, dir string) {
	t.Helper()
	beside, err := os.ReadDir(filepath.Dir(dir))
	if err != nil {
		t.Fatal(err)
	}
	if i := slices.IndexFunc(beside, func(e os.DirEntry) bool { return e.Name() != filepath.Base(dir) }); i >= 0 {
		t.Errorf("%s was left behind", beside[i].Name())
	}
}

func TestCommitPutsTheNewDirectoryInTheTargetsPlace(t *testing.T) {
	for name, prepare := range map[string]func(target string){
		"absent":                     func(string) {},
		"empty":                      func(target string) { write(t, target, "") },
		"an earlier one":             func(target string) { write(t, target, "old", "a", "b") },
		"an earlier one with extras": func(target string) { write(t, target, "old", "a", "b", "c") },
	} {
		t.Run(name, func(t *testing.T) {
			target := filepath.Join(t.TempDir(), "parent", "target")
			prepare(target)
			d := stage(t, target, "new")
			if err := d.Commit(t.Context(), always); err != nil {
				t.Fatal(err)
			}
			if err := d.Discard(); err != nil {
				t.Error(err)
			}
			assertHolds(t, target, "new")
		})
	}
}

func TestCommitKeepsThePermissionsOfTheTarget(t *testing.T) {
	target := filepath.Join(t.TempDir(), "parent", "target")
	write(t, target, "old", "a", "b")
	// Twice, because a directory without write permission must be removed as well.
	for _, content := range []string{"new", "newer"} {
		if err := os.Chmod(target, 0o500); err != nil {
			t.Fatal(err)
		}
		d := stage(t, target, content)
		if err := d.Commit(t.Context(), always); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(target); err != nil || info.Mode().Perm() != 0o500 {
			t.Errorf("got %v, %v", info.Mode(), err)
		}
		assertHolds(t, target, content)
	}
	if err := os.Chmod(target, 0o700); err != nil { // for the clean-up of a test that is not root's
		t.Fatal(err)
	}
}

func TestNewRefusesATargetOfAnotherKind(t *testing.T) {
	for name, prepare := range map[string]func(target string){
		"a foreign file":     func(target string) { write(t, target, "old", "a", "b", "d") },
		"half of one":        func(target string) { write(t, target, "old", "a") },
		"a directory inside": func(target string) { write(t, target, "old", "a"); write(t, filepath.Join(target, "b"), "") },
		"a file":             func(target string) { write(t, filepath.Dir(target), "old", "target") },
		"a link to nothing": func(target string) {
			write(t, filepath.Dir(target), "")
			if err := os.Symlink("nothing", target); err != nil {
				t.Fatal(err)
			}
		},
		"a link inside": func(target string) {
			write(t, target, "old", "a")
			if err := os.Symlink("a", filepath.Join(target, "b")); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			target := filepath.Join(t.TempDir(), "parent", "target")
			prepare(target)
			if _, err := staging.New(t.Context(), target, kind, silent()); !errors.Is(err, errdef.ErrTargetNotEmpty) {
				t.Errorf("got %v", err)
			}
			assertAlone(t, target)
		})
	}
}

func TestNewRefusesTheWorkingDirectoryAndAnEmptyName(t *testing.T) {
	target := filepath.Join(t.TempDir(), "parent", "target")
	write(t, target, "old", "a", "b")
	t.Chdir(target)
	for _, name := range []string{".", target, "../target"} {
		if _, err := staging.New(t.Context(), name, kind, silent()); !errors.Is(err, errdef.ErrTargetNotEmpty) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := staging.New(t.Context(), "", kind, silent()); err == nil {
		t.Error("an empty name was accepted")
	}
	assertHolds(t, target, "old")
}

func TestAnErrorInspectingTheTargetIsNotErrTargetNotEmpty(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := staging.New(t.Context(), filepath.Join(file, "target"), kind, silent()); err == nil || errors.Is(err, errdef.ErrTargetNotEmpty) {
		t.Errorf("got %v", err)
	}
}

func TestCommitPutsBackATargetThatBecameAnotherKind(t *testing.T) {
	target := filepath.Join(t.TempDir(), "parent", "target")
	write(t, target, "old", "a", "b")
	d := stage(t, target, "new")
	write(t, target, "mine", "notes")
	if err := d.Commit(t.Context(), always); !errors.Is(err, errdef.ErrTargetNotEmpty) {
		t.Errorf("got %v", err)
	}
	if err := d.Discard(); err != nil {
		t.Error(err)
	}
	assertHolds(t, target, "old")
	if got, err := os.ReadFile(filepath.Join(target, "notes")); err != nil || string(got) != "mine" {
		t.Errorf("the notes say %q, %v", got, err)
	}
}

func TestACommitThatIsNotAllowedLeavesTheTarget(t *testing.T) {
	target := filepath.Join(t.TempDir(), "parent", "target")
	write(t, target, "old", "a", "b")
	d := stage(t, target, "new")
	no := errors.New("no")
	if err := d.Commit(t.Context(), func() error { return no }); !errors.Is(err, no) {
		t.Errorf("got %v", err)
	}
	if err := d.Discard(); err != nil {
		t.Error(err)
	}
	assertHolds(t, target, "old")
}

func TestWaitingForAnotherReplacementEndsWithTheContext(t *testing.T) {
	target := filepath.Join(t.TempDir(), "parent", "target")
	first := stage(t, target, "first")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := staging.New(ctx, target, kind, silent()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := first.Commit(t.Context(), always); err != nil {
		t.Error(err)
	}
	assertHolds(t, target, "first")
}

// silent returns a logger for tests that do not read the log.
func silent() logrus.FieldLogger {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return log
}

func TestDiscardLeavesTheTarget(t *testing.T) {
	target := filepath.Join(t.TempDir(), "parent", "target")
	write(t, target, "old", "a", "b")
	d := stage(t, target, "new")
	if err := d.Discard(); err != nil {
		t.Fatal(err)
	}
	assertHolds(t, target, "old")
}

func TestASymbolicLinkStaysAndItsDirectoryIsReplaced(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "parent", "real"), filepath.Join(dir, "link")
	write(t, target, "old", "a", "b")
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	d := stage(t, link, "new")
	if err := d.Commit(t.Context(), always); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link became %v, %v", info.Mode(), err)
	}
	assertHolds(t, target, "new")
}

func TestManyCommitsAtOnceLeaveOneWhole(t *testing.T) {
	target := filepath.Join(t.TempDir(), "parent", "target")
	var wg sync.WaitGroup
	for _, content := range []string{"one", "two", "three", "four"} {
		wg.Go(func() {
			if err := replace(t.Context(), target, content); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got, err := os.ReadFile(filepath.Join(target, "a"))
	if err != nil {
		t.Fatal(err)
	}
	assertHolds(t, target, string(got))
}
