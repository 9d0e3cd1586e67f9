//go:build unix

package snapshot_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

func TestOtherContentOfTheSameSizeAndTimeIsSeen(t *testing.T) {
	dir := snapshotOf(t, []string{line("a"), line("b")}, 0)
	index(t, dir)
	other := snapshotOf(t, []string{line("a"), line("c")}, 0)
	for _, name := range []string{snapshot.CacheFile, snapshot.ManifestFile} {
		path := filepath.Join(dir, name)
		before, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(filepath.Join(other, name))
		if err != nil {
			t.Fatal(err)
		}
		for waiting := true; waiting; { // until the clock that files are stamped with has moved on
			writeFile(t, path, data)
			now, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			waiting = !now.ModTime().After(before.ModTime())
		}
		if err := os.Chtimes(path, time.Time{}, before.ModTime()); err != nil {
			t.Fatal(err)
		}
		if now, err := os.Stat(path); err != nil || now.Size() != before.Size() || !now.ModTime().Equal(before.ModTime()) {
			t.Fatalf("%s: not of the same size and time: %v", name, err)
		}
	}
	wantIndexed(t, dir, false)
}

func TestAnOpenSnapshotIsAskedAfterItsDirectoryWasReplaced(t *testing.T) {
	base := t.TempDir()
	dir, old := filepath.Join(base, "dir"), filepath.Join(base, "old")
	makeNumbered(t, dir, 1)
	index(t, dir)
	s := open(t, dir)
	if err := os.Rename(dir, old); err != nil {
		t.Fatal(err)
	}
	makeNumbered(t, dir, 2)
	if err := os.RemoveAll(old); err != nil {
		t.Fatal(err)
	}
	for repo, known := range map[string]bool{"1": true, "2": false} {
		if got := ask(t, s, repo); got.answer.Known() != known {
			t.Errorf("%s: got %+v", repo, got)
		}
	}
	if indexed, err := s.Indexed(t.Context()); !indexed || err != nil {
		t.Errorf("not indexed: %v", err)
	}
	wantIndexed(t, dir, false)
	moved := filepath.Join(base, "moved")
	index(t, dir)
	if err := os.Rename(dir, moved); err != nil {
		t.Fatal(err)
	}
	wantIndexed(t, moved, true)
}

func TestWhatAKilledProcessLeftIsNotBelievedAndRemovedTheNextDay(t *testing.T) {
	dir := snapshotOf(t, []string{line("a")}, 0)
	path := filepath.Join(dir, snapshot.TempPrefix+"X")
	writeFile(t, path, make([]byte, 9000))
	wantIndexed(t, dir, false)
	index(t, dir)
	if names := leftovers(t, dir); len(names) != 1 {
		t.Errorf("left: %q; somebody may still write to it", names)
	}
	yesterday := time.Now().Add(-25 * time.Hour)
	if err := errors.Join(os.Chtimes(path, yesterday, yesterday), os.Rename(path, filepath.Join(dir, snapshot.IndexFile))); err != nil {
		t.Fatal(err)
	}
	wantIndexed(t, dir, false)
	writeFile(t, path, nil)
	if err := os.Chtimes(path, yesterday, yesterday); err != nil {
		t.Fatal(err)
	}
	index(t, dir)
	if names := leftovers(t, dir); len(names) != 0 {
		t.Errorf("left: %q", names)
	}
	wantIndexed(t, dir, true)
}

func TestAnIndexIsAsAccessibleAsTheReports(t *testing.T) {
	dir := snapshotOf(t, []string{line("a")}, 0)
	cache, made := filepath.Join(dir, snapshot.CacheFile), filepath.Join(dir, snapshot.IndexFile)
	if err := os.Chmod(cache, 0o640); err != nil {
		t.Fatal(err)
	}
	user, group := os.Geteuid(), os.Getegid()
	if user == 0 { // only root can give a file away
		user, group = 4321, 1234
		if err := os.Chown(cache, user, group); err != nil {
			t.Fatal(err)
		}
	}
	index(t, dir)
	info, err := os.Stat(made)
	if err != nil {
		t.Fatal(err)
	}
	stat := info.Sys().(*syscall.Stat_t)
	if info.Mode() != 0o640 || int(stat.Uid) != user || int(stat.Gid) != group {
		t.Errorf("it is %v of %d:%d", info.Mode(), stat.Uid, stat.Gid)
	}
}
