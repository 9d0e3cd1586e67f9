//go:build unix

package snapshot

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestADirectoryIsReplacedOnlyIfItsNameIsAnotherOnes(t *testing.T) {
	for name, test := range map[string]struct {
		change func(dir string) error
		want   bool
	}{
		"untouched": {func(string) error { return nil }, false},
		"renamed":   {func(dir string) error { return os.Rename(dir, dir+".old") }, true},
		"deleted":   {os.Remove, true},
		"exchanged": {func(dir string) error {
			return errors.Join(os.Rename(dir, dir+".old"), os.Mkdir(dir, 0o700))
		}, true},
		"exchanged and deleted": {func(dir string) error {
			return errors.Join(os.Rename(dir, dir+".old"), os.Mkdir(dir, 0o700), os.Remove(dir+".old"))
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "dir")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			root, err := os.OpenRoot(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = root.Close() }()
			if err := test.change(dir); err != nil {
				t.Fatal(err)
			}
			if _, err := openIn(root, dir); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("open: %v, want fs.ErrNotExist", err)
			}
			if got := replaced(root, dir); got != test.want {
				t.Errorf("replaced: %t, want %t", got, test.want)
			}
		})
	}
}

// exchanging returns a replacement for os.OpenRoot that, in its first calls, replaces the directory
// it opened with a snapshot.
func exchanging(t *testing.T, times int, calls *int) func(string) (*os.Root, error) {
	return func(dir string) (*os.Root, error) {
		root, err := os.OpenRoot(dir)
		if *calls++; err != nil || *calls > times {
			return root, err
		}
		old := dir + ".old"
		if err := errors.Join(os.Rename(dir, old), os.CopyFS(dir, os.DirFS("../testdata/lei-0.9.1")), os.RemoveAll(old)); err != nil {
			_ = root.Close()
			t.Error(err)
		}
		return root, nil
	}
}

func TestOpenTriesAgainOnlyIfTheDirectoryWasExchangedAndOnlyAFewTimes(t *testing.T) {
	for _, test := range []struct {
		exchanges, calls int
		ok               bool
	}{{0, 1, false}, {1, 2, true}, {openAttempts - 1, openAttempts, true}, {openAttempts, openAttempts, false}} {
		dir := filepath.Join(t.TempDir(), "dir")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		calls := 0
		s, err := openWith(exchanging(t, test.exchanges, &calls), dir)
		if calls != test.calls || (err == nil) != test.ok || err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%d exchanges: %d attempts, error %v", test.exchanges, calls, err)
		}
		if err == nil {
			_ = s.Close()
		}
	}
}
