package staging

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"
	logrustest "github.com/sirupsen/logrus/hooks/test"
)

func TestASecondReplacementWaitsAndSaysForWhat(t *testing.T) {
	if !locksDirs && !closeFirst {
		return // there are no locks here
	}
	synctest.Test(t, func(t *testing.T) {
		target := filepath.Join(t.TempDir(), "parent", "target")
		first := newDir(t, target)
		log, logged := logrustest.NewNullLogger()
		done := make(chan error, 1)
		go func() {
			second, err := New(t.Context(), target, threeFiles, log)
			if err == nil {
				err = second.Discard()
			}
			done <- err
		}()
		time.Sleep(2 * time.Second)
		if n := len(logged.AllEntries()); n > 0 {
			t.Errorf("%d lines at once", n)
		}
		time.Sleep(30 * time.Second)
		if n := len(logged.AllEntries()); n != 1 || logged.LastEntry().Level != logrus.WarnLevel || !strings.Contains(logged.LastEntry().Message, first.names.lock) {
			t.Errorf("%d lines, the last: %v", n, logged.LastEntry())
		}
		commit(t, first, "a", "b")
		if err := <-done; err != nil {
			t.Error(err)
		}
		if left := beside(t, target); left != nil {
			t.Errorf("beside it are %q", left)
		}
	})
}

func TestALockFileThatIsDeletedIsNotMissed(t *testing.T) {
	if !locksDirs {
		return // there are no locks here, or nobody can delete an open file
	}
	target := filepath.Join(t.TempDir(), "parent", "target")
	oldContent.write(t, target)
	first := newDir(t, target)
	must(t, os.Remove(first.names.lock))
	second := newDir(t, target) // which has a lock file of its own, and keeps it
	commit(t, first, "first", "first")
	if _, err := os.Lstat(second.names.lock); err != nil {
		t.Errorf("the second's lock file: %v", err)
	}
	commit(t, second, "second", "second")
	if got, left := read(t, target), beside(t, target); got["a"] != "second" || left != nil {
		t.Errorf("the target holds %q, and beside it are %q", got, left)
	}
}

func TestAStageThatWasTouchedReplacesNothing(t *testing.T) {
	for name, touch := range map[string]func(stage string) error{
		"a file is gone":         func(stage string) error { return os.Remove(filepath.Join(stage, "c")) },
		"a written file is gone": func(stage string) error { return os.Remove(filepath.Join(stage, "a")) },
		"a file is cut":          func(stage string) error { return os.Truncate(filepath.Join(stage, "c"), 1) },
		"a file is a directory": func(stage string) error {
			return errors.Join(os.Remove(filepath.Join(stage, "c")), os.Mkdir(filepath.Join(stage, "c"), 0o700))
		},
		"a file is added":     func(stage string) error { return os.WriteFile(filepath.Join(stage, "d"), nil, 0o600) },
		"all is gone":         os.RemoveAll,
		"it has another name": func(stage string) error { return os.Rename(stage, stage+"-2") },
	} {
		t.Run(name, func(t *testing.T) {
			target := filepath.Join(t.TempDir(), "parent", "target")
			oldContent.write(t, target)
			d := newDir(t, target)
			if err := errors.Join(create(d, "a", "x"), create(d, "b", "y"), download(d, newContent["c"]), touch(d.Path())); err != nil {
				t.Fatal(err)
			}
			if err := d.Commit(t.Context(), func() error { return nil }); err == nil || !strings.Contains(err.Error(), "another process") {
				t.Errorf("got %v", err)
			}
			_ = d.Discard() // a foreign file stays
			if got := read(t, target); !maps.Equal(got, oldContent) {
				t.Errorf("the target holds %q", got)
			}
			if err := replace(t.Context(), osDisk{}, target, newerContent); err != nil {
				t.Error(err)
			}
		})
	}
}

// A sweep of another host takes a directory away while it is being committed.
type sweptDisk struct{ osDisk }

func (sweptDisk) exchange(a, b string) error {
	other := &Dir{disk: osDisk{}, names: namesOf(b), target: b, replaceable: threeFiles, log: silent()}
	if err := other.removeStage(a); err != nil {
		return err
	}
	return osDisk{}.exchange(a, b)
}

func TestAStageThatIsSweptAtTheLastMomentReplacesNothing(t *testing.T) {
	target := filepath.Join(t.TempDir(), "parent", "target")
	oldContent.write(t, target)
	if err := replace(t.Context(), sweptDisk{}, target, newContent); err == nil {
		t.Error("it was replaced")
	}
	if got := read(t, target); !maps.Equal(got, oldContent) {
		t.Errorf("the target holds %q", got)
	}
}

// sharedDisk is a disk that other hosts may write to, or one that is this host's alone.
type sharedDisk struct {
	osDisk
	is bool
}

func (d sharedDisk) shared(string) bool { return d.is }

func TestAStageOfAnotherHostIsLeftAloneForADay(t *testing.T) {
	for name, tc := range map[string]struct{ shared, old, swept bool }{
		"a new one":                         {shared: true},
		"one that nobody touched for a day": {shared: true, old: true, swept: true},
		"one from before a restart":         {swept: locksDirs},
	} {
		t.Run(name, func(t *testing.T) {
			target := filepath.Join(t.TempDir(), "parent", "target")
			n := namesOf(target)
			oldContent.write(t, target)
			stage := filepath.Join(n.parent, n.staging+"1-X-00000000")
			content{"a": "half"}.write(t, stage)
			if tc.old {
				age(t, stage, time.Now().Add(-stageAge-time.Hour))
			}
			if err := replace(t.Context(), sharedDisk{is: tc.shared}, target, newContent); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(stage); (err == nil) == tc.swept {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
	n := namesOf(filepath.Join(t.TempDir(), "target"))
	for _, suffix := range []string{"", asideSuffix} {
		if path := n.newStage(time.Now()) + suffix; n.elsewhere(path) {
			t.Errorf("%s is another host's", path)
		}
	}
}

func TestWhatIsDamagedIsReplacedIfItWasOurs(t *testing.T) {
	target := filepath.Join(t.TempDir(), "parent", "target")
	content{"c": "what only we write"}.write(t, target)
	kind := threeFiles
	kind.Damaged = func(dir string) bool { return read(t, dir)["c"] == "what only we write" }
	if err := kind.Check(target); err != nil {
		t.Error(err)
	}
	content{"c": "another"}.write(t, target)
	if err := kind.Check(target); err == nil {
		t.Error("another's directory would be replaced")
	}
	content{"c": "what only we write", "notes": "mine"}.write(t, target)
	if err := kind.Check(target); err == nil {
		t.Error("a foreign file would be removed")
	}
}

func TestTidyRemovesWhatNobodyUses(t *testing.T) {
	target := filepath.Join(t.TempDir(), "parent", "target")
	n := namesOf(target)
	oldContent.write(t, target)
	plant := func() {
		content{filepath.Base(n.lock): "", n.partial + "sha256-00": "half", "another": "mine"}.write(t, n.parent)
		content{"a": "half"}.write(t, filepath.Join(n.parent, n.staging+killed))
		age(t, filepath.Join(n.parent, n.partial+"sha256-00"), time.Now().Add(-stageAge-time.Hour))
		age(t, filepath.Join(n.parent, n.staging+killed), time.Now().Add(-stageAge-time.Hour))
	}
	d := newDir(t, target)
	before := beside(t, target)
	if err := Tidy(target, threeFiles, silent()); err != nil || len(beside(t, target)) != len(before) {
		t.Errorf("of what is in use, %q is left, %v", beside(t, target), err)
	}
	discard(t, d)
	plant()
	if err := Tidy(target, threeFiles, silent()); err != nil {
		t.Error(err)
	}
	if left := beside(t, target); len(left) != 1 || left[0] != "another" {
		t.Errorf("beside it are %q", left)
	}
}

func TestANewDirectoryThatIsGoneIsTheReason(t *testing.T) {
	d := newDir(t, filepath.Join(t.TempDir(), "parent", "target"))
	must(t, os.RemoveAll(d.Path()))
	if err := create(d, "a", "x"); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("got %v", err)
	}
	discard(t, d)
}
