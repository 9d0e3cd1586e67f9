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
				t.Skip("the system does not let go of an open directory: ", err)
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
