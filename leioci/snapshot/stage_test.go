package snapshot_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

func TestWhatIsThereIsNotReplaced(t *testing.T) {
	for name, tc := range map[string]struct {
		there func(dir string) error
		ok    bool
	}{
		"nothing":                {func(string) error { return nil }, true},
		"an empty directory":     {func(dir string) error { return os.Mkdir(dir, 0o700) }, true},
		"a link to an empty one": {func(dir string) error { return errors.Join(os.Mkdir(dir+"2", 0o700), os.Symlink(dir+"2", dir)) }, true},
		"a file":                 {func(dir string) error { return os.WriteFile(dir, nil, 0o600) }, false},
		"a link to a file": {func(dir string) error {
			return errors.Join(os.WriteFile(dir+"2", nil, 0o600), os.Symlink(dir+"2", dir))
		}, false},
		"a directory with a file": {func(dir string) error { return os.MkdirAll(filepath.Join(dir, "x"), 0o700) }, false},
		"a snapshot":              {func(dir string) error { return os.CopyFS(dir, os.DirFS(sampleDir)) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			parent := t.TempDir()
			dir := filepath.Join(parent, "dir")
			if err := tc.there(dir); err != nil {
				t.Fatal(err)
			}
			before := tree(t, parent)
			w, err := snapshot.Create(dir, sampleOptions())
			if !tc.ok {
				if !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), dir) {
					t.Errorf("got %v", err)
				}
			} else if err != nil {
				t.Fatal(err)
			} else {
				discard(t, w)
			}
			if after := tree(t, parent); after != before {
				t.Errorf("it was %s, and is %s", before, after)
			}
			// It may also come later.
			late := filepath.Join(parent, "late")
			if w, err = snapshot.Create(late, sampleOptions()); err != nil {
				t.Fatal(err)
			}
			defer discard(t, w)
			if err := tc.there(late); err != nil {
				t.Fatal(err)
			}
			_, err = w.Commit(t.Context())
			if strings.HasPrefix(name, "a link") && errors.Is(err, fs.ErrExist) {
				return // not the one that was resolved
			}
			if tc.ok && err != nil || !tc.ok && !errors.Is(err, fs.ErrExist) {
				t.Errorf("late: got %v", err)
			}
			if strings.Contains(tree(t, parent), ".leioci") {
				t.Error("something hidden is left")
			}
		})
	}
}

// tree returns the names of all that is in a directory, at any depth.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		names = append(names, strings.TrimPrefix(path, dir))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, " ")
}

func TestADirectoryIsNeededToWriteIn(t *testing.T) {
	parent := t.TempDir()
	if err := os.WriteFile(filepath.Join(parent, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"", filepath.Join(parent, "none", "new"), filepath.Join(parent, "file", "new"), string(filepath.Separator)} {
		if w, err := snapshot.Create(dir, sampleOptions()); err == nil {
			discard(t, w)
			t.Errorf("%q: no error", dir)
		}
	}
	wantNames(t, parent, "file")
}

func TestOneOfSeveralWritersWins(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	var writers []*snapshot.Writer
	for range 4 {
		w, err := snapshot.Create(dir, sampleOptions())
		if err != nil {
			t.Fatal(err)
		}
		writers = append(writers, w)
	}
	errs := make([]error, len(writers))
	var all sync.WaitGroup
	for i, w := range writers {
		all.Go(func() {
			errs[i] = w.AddFrom(t.Context(), strings.NewReader(varied(100)))
			_, err := w.Commit(t.Context())
			errs[i] = errors.Join(errs[i], err)
		})
	}
	all.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, fs.ErrExist) {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d writers won", won)
	}
	wantNames(t, filepath.Dir(dir), "new")
	if err := open(t, dir).Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestADirectoryIsWrittenWhereItsParentIsNow(t *testing.T) {
	parent := filepath.Join(t.TempDir(), "parent")
	if err := os.Mkdir(parent, 0o700); err != nil {
		t.Fatal(err)
	}
	w, err := snapshot.Create(filepath.Join(parent, "new"), sampleOptions())
	if err != nil {
		t.Fatal(err)
	}
	defer discard(t, w)
	if err := os.Rename(parent, parent+"2"); err != nil {
		t.Skip("a directory that is open cannot be renamed here")
	}
	if _, err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantNames(t, parent+"2", "new")
}
