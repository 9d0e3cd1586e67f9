package staging

import (
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAPartialFileSurvivesUntilItIsMovedOrEmpty(t *testing.T) {
	target := filepath.Join(t.TempDir(), "parent", "target")
	for _, step := range []struct {
		name   string
		found  string
		do     func(p *Partial) error
		remain bool
	}{
		{"nothing is written", "", func(*Partial) error { return nil }, false},
		{"something is written", "", appends("some"), true},
		{"more is written", "some", appends("thing"), true},
		{"nothing is added", "something", func(*Partial) error { return nil }, true},
		{"it is reset and written to", "something", func(p *Partial) error { return errors.Join(p.Reset(), appends("new")(p)) }, true},
		{"it is written to and reset", "new", func(p *Partial) error { return errors.Join(appends("er")(p), p.Reset()) }, false},
		{"it is written again", "", appends("whole"), true},
		{"it is moved", "whole", func(p *Partial) error { return p.MoveTo(t.Context(), "c") }, false},
		{"it is gone", "", func(*Partial) error { return nil }, false},
	} {
		d := newDir(t, target)
		p := openPartialOf(t, d, "sha256-00")
		there, err := io.ReadAll(p.Content())
		if err != nil || string(there) != step.found || p.Size() != int64(len(step.found)) {
			t.Errorf("%s: found %q (%d), %v, want %q", step.name, there, p.Size(), err, step.found)
		}
		if err := errors.Join(step.do(p), p.Close(), p.Close()); err != nil {
			t.Errorf("%s: %v", step.name, err)
		}
		if step.name == "it is moved" {
			if got := read(t, d.Path()); !maps.Equal(got, content{"c": "whole"}) {
				t.Errorf("the new directory holds %q", got)
			}
		}
		discard(t, d)
		if left := beside(t, target); (left != nil) != step.remain {
			t.Errorf("%s: beside the target are %q", step.name, left)
		}
	}
}

func appends(s string) func(p *Partial) error {
	return func(p *Partial) error { _, err := io.WriteString(p, s); return err }
}

func TestResetMakesThePartialFileEmptyAtOnce(t *testing.T) {
	target := filepath.Join(t.TempDir(), "target")
	d := newDir(t, target)
	p := openPartialOf(t, d, "sha256-00")
	if err := errors.Join(appends("wrong")(p), p.Reset(), appends("right")(p), p.MoveTo(t.Context(), "c")); err != nil {
		t.Fatal(err)
	}
	if got := read(t, d.Path()); !maps.Equal(got, content{"c": "right"}) {
		t.Errorf("the new directory holds %q", got)
	}
	discard(t, d)
}

func TestOnlyOneOfTwoConcurrentCallersGetsTheSharedPartialFile(t *testing.T) {
	target := filepath.Join(t.TempDir(), "parent", "target")
	first, second := newDir(t, target), newUnlockedDir(t, target)
	p, q := openPartialOf(t, first, "sha256-00"), openPartialOf(t, second, "sha256-00")
	if err := errors.Join(appends("the first")(p), appends("the second")(q)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(p.MoveTo(t.Context(), "c"), q.MoveTo(t.Context(), "c")); err != nil {
		t.Fatal(err)
	}
	if a, b := read(t, first.Path())["c"], read(t, second.Path())["c"]; a != "the first" || b != "the second" {
		t.Errorf("got %q and %q", a, b)
	}
	discard(t, first)
	discard(t, second)
	if left := beside(t, target); left != nil {
		t.Errorf("beside the target are %q", left)
	}
}

func TestAPrivatePartialFileDoesNotSurvive(t *testing.T) {
	target := filepath.Join(t.TempDir(), "parent", "target")
	for _, closed := range []bool{true, false} {
		d := newDir(t, target)
		shared, private := openPartialOf(t, d, "sha256-00"), openPartialOf(t, d, "sha256-00")
		if err := appends("something")(private); err != nil {
			t.Fatal(err)
		}
		if closed || closeFirst {
			if err := private.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := shared.Close(); err != nil {
			t.Error(err)
		}
		discard(t, d)
		if err := private.Close(); err != nil {
			t.Error(err)
		}
		if left := beside(t, target); left != nil {
			t.Errorf("beside the target are %q", left)
		}
	}
}

func TestAForeignFileIsNotUsedAsAPartialFile(t *testing.T) {
	for name, prepare := range map[string]func(path, mine string) error{
		"a symbolic link": func(path, mine string) error { return os.Symlink(mine, path) },
		"a link":          func(path, mine string) error { return os.Link(mine, path) },
		"a directory":     func(path, _ string) error { return os.Mkdir(path, 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			if name == "a link" && closeFirst {
				return // Windows does not say how many names a file has
			}
			target := filepath.Join(t.TempDir(), "parent", "target")
			content{"mine": "mine"}.write(t, filepath.Dir(target))
			mine := filepath.Join(filepath.Dir(target), "mine")
			d := newDir(t, target)
			if err := prepare(d.names.partialPath("sha256-00"), mine); err != nil {
				t.Fatal(err)
			}
			p := openPartialOf(t, d, "sha256-00")
			if err := errors.Join(appends("new")(p), p.MoveTo(t.Context(), "c")); err != nil {
				t.Error(err)
			}
			if got := read(t, d.Path()); !maps.Equal(got, content{"c": "new"}) {
				t.Errorf("the new directory holds %q", got)
			}
			commit(t, d, "a", "b")
			if data, err := os.ReadFile(mine); err != nil || string(data) != "mine" {
				t.Errorf("the file says %q, %v", data, err)
			}
		})
	}
}

func TestAPartialFileWithoutLocksIsPrivate(t *testing.T) {
	target := filepath.Join(t.TempDir(), "target")
	d, err := newOn(t.Context(), lockless{}, target, threeFiles, silent())
	if err != nil {
		t.Fatal(err)
	}
	p := openPartialOf(t, d, "sha256-00")
	if filepath.Dir(p.path) != d.Path() {
		t.Errorf("it is %s", p.path)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	discard(t, d)
}

type lockless struct{ osDisk }

func (lockless) openPartial(string) (file, error) { return nil, errors.ErrUnsupported }

func TestPartialRefusesAnInvalidID(t *testing.T) {
	d := newDir(t, filepath.Join(t.TempDir(), "target"))
	for _, id := range []string{"", "../x", "a/b", `a\b`, "a:b", "A", ".", "a\x00"} {
		if p, err := d.Partial(id); err == nil {
			t.Errorf("%q is %s", id, strings.TrimPrefix(p.path, d.names.parent))
		}
	}
	discard(t, d)
}

// Between the opening of a file and its locking, the previous holder may move it away. Two
// goroutines try that many times.
func TestAPartialFileIsNeverSharedByARace(t *testing.T) {
	target := filepath.Join(t.TempDir(), "target")
	done := make(chan error)
	for range 2 {
		go func() {
			done <- func() error {
				for range 200 {
					d, err := newOn(t.Context(), withoutLock{}, target, threeFiles, silent())
					if err != nil {
						return err
					}
					p, err := d.Partial("sha256-00")
					if err != nil {
						return err
					}
					if err := errors.Join(appends("once")(p), p.MoveTo(t.Context(), "c")); err != nil {
						return err
					}
					got, err := os.ReadFile(filepath.Join(d.Path(), "c"))
					if err != nil || string(got) != "once" {
						return errors.Join(err, errors.New("it was written twice: "+string(got)))
					}
					if err := d.Discard(); err != nil {
						return err
					}
				}
				return nil
			}()
		}()
	}
	if err := errors.Join(<-done, <-done); err != nil {
		t.Error(err)
	}
	if left := beside(t, target); left != nil {
		t.Errorf("beside the target are %q", left)
	}
}

// It may be deleted at any time, also while it is in use, and then another process may begin
// another.
func TestAPartialFileThatIsDeletedIsStillMoved(t *testing.T) {
	if closeFirst {
		return // nobody can delete an open file here
	}
	for name, others := range map[string]content{"it is gone": nil, "another's is in its place": {"half": "ha"}} {
		t.Run(name, func(t *testing.T) {
			target := filepath.Join(t.TempDir(), "parent", "target")
			d := newDir(t, target)
			p := openPartialOf(t, d, "sha256-00")
			must(t, appends("whole")(p))
			must(t, os.Remove(p.path))
			path := p.path
			if others != nil {
				must(t, os.WriteFile(path, []byte(others["half"]), 0o600))
			}
			must(t, p.MoveTo(t.Context(), "c"))
			must(t, p.Close())
			if got, err := os.ReadFile(path); others != nil && (err != nil || string(got) != others["half"]) {
				t.Errorf("the other's says %q, %v", got, err)
			}
			commit(t, d, "a", "b")
			if got := read(t, target); got["c"] != "whole" {
				t.Errorf("the target holds %q", got)
			}
		})
	}
}
