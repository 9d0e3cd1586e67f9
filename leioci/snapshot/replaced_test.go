//go:build unix

package snapshot_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// makeNumbered makes a snapshot with the number n in both files.
func makeNumbered(t testing.TB, dir string, n int) {
	t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	content := line(strconv.Itoa(n))
	cache := compress(t, content)
	m := describing(content, cache)
	m["lei_version"] = strconv.Itoa(n)
	writeIn(t, dir, m, cache)
}

// numbers returns the numbers found in the two files.
func numbers(t testing.TB, s *snapshot.Snapshot) (manifest, cache string) {
	t.Helper()
	for report, err := range s.Reports(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		cache = report.Repo
	}
	return s.Metadata().LEIVersion, cache
}

func TestAnOpenSnapshotReadsItsFilesAfterTheDirectoryWasReplaced(t *testing.T) {
	base := t.TempDir()
	dir, old := filepath.Join(base, "dir"), filepath.Join(base, "old")
	makeNumbered(t, dir, 1)
	s := open(t, dir)
	if err := os.Rename(dir, old); err != nil {
		t.Fatal(err)
	}
	makeNumbered(t, dir, 2)
	if err := os.RemoveAll(old); err != nil {
		t.Fatal(err)
	}
	if m, c := numbers(t, s); m != "1" || c != "1" {
		t.Errorf("the open snapshot has %s and %s", m, c)
	}
	if err := s.Verify(t.Context()); err != nil {
		t.Error(err)
	}
	if m, c := numbers(t, open(t, dir)); m != "2" || c != "2" {
		t.Errorf("the new snapshot has %s and %s", m, c)
	}
}

// The directory is a symbolic link, which a rename replaces atomically on every platform.
func TestOpenNeverGivesOneFileOfEachDirectoryWhileTheyAreExchanged(t *testing.T) {
	for _, deleteOld := range []bool{false, true} {
		t.Run(fmt.Sprintf("old deleted %t", deleteOld), func(t *testing.T) {
			base := t.TempDir()
			name := func(n int) string { return filepath.Join(base, strconv.Itoa(n)) }
			dir, link := filepath.Join(base, "dir"), filepath.Join(base, "link")
			makeNumbered(t, name(0), 0)
			if err := os.Symlink(name(0), dir); err != nil {
				t.Fatal(err)
			}
			// Open tries more often than there are exchanges meanwhile, however slow it is.
			turns, done := make(chan struct{}, 3), make(chan struct{})
			defer func() { close(turns); <-done }()
			go func() {
				defer close(done)
				for n := 1; n < 2000; n++ {
					if _, more := <-turns; !more {
						return
					}
					makeNumbered(t, name(n), n)
					if err := errors.Join(os.Symlink(name(n), link), os.Rename(link, dir)); err != nil {
						t.Error(err)
						return
					}
					if deleteOld {
						_ = os.RemoveAll(name(n - 1))
					}
				}
			}()
			seen := map[string]bool{}
			for range 1000 {
				for len(turns) < cap(turns) {
					turns <- struct{}{}
				}
				s, err := snapshot.Open(dir)
				if err != nil {
					t.Error(err)
					return
				}
				m, c := numbers(t, s)
				if m != c {
					t.Errorf("manifest.json of %s with cache.jsonl.gz of %s", m, c)
				}
				seen[m] = true
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
			if len(seen) < 2 {
				t.Log("no exchange happened between two reads")
			}
		})
	}
}
