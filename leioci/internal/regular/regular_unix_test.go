//go:build unix

package regular

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// exchanging returns a replacement for a Stat that puts a pipe in a file's place once it has
// looked.
func exchanging(t *testing.T, dir string, stat func(string) (fs.FileInfo, error)) func(string) (fs.FileInfo, error) {
	return func(name string) (fs.FileInfo, error) {
		info, err := stat(name)
		path := filepath.Join(dir, "file")
		if err := errors.Join(os.Remove(path), unix.Mkfifo(path, 0o600)); err != nil {
			t.Error(err)
		}
		return info, err
	}
}

func TestAPipeThatTakesTheNameAfterItWasCheckedIsRefusedWithoutWaiting(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	for name, try := range map[string]func() (*os.File, fs.FileInfo, error){
		"by path": func() (*os.File, fs.FileInfo, error) { return open(path, exchanging(t, dir, os.Stat), os.OpenFile) },
		"in a root": func() (*os.File, fs.FileInfo, error) {
			return open("file", exchanging(t, dir, root.Stat), root.OpenFile)
		},
	} {
		_ = os.Remove(path)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := try(); !errors.Is(err, ErrNotRegular) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestARegularFileIsReadToItsEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, info, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	buf := make([]byte, 100)
	if n, err := f.Read(buf); string(buf[:n]) != "content" || err != nil || info.Size() != 7 {
		t.Errorf("got %q, %v", buf[:n], err)
	}
}
