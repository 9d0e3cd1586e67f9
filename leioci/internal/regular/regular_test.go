package regular_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/regular"
)

// An opener is one of the two ways to open the file of a name in a directory.
type opener func(dir, name string) (*os.File, fs.FileInfo, error)

func open(dir, name string) (*os.File, fs.FileInfo, error) {
	return regular.Open(filepath.Join(dir, name))
}

func openIn(dir, name string) (*os.File, fs.FileInfo, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, nil, err
	}
	defer root.Close() //nolint:errcheck // a directory that was read
	return regular.OpenIn(root, name)
}

var openers = map[string]opener{"Open": open, "OpenIn": openIn}

func write(t *testing.T, path, content string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(content), 0o600))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestARegularFileIsOpened(t *testing.T) {
	for how, open := range openers {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "file"), "content")
		must(t, os.Symlink("file", filepath.Join(dir, "link")))
		must(t, os.Symlink("link", filepath.Join(dir, "link to a link")))
		for _, name := range []string{"file", "link", "link to a link"} {
			f, info, err := open(dir, name)
			if err != nil {
				t.Errorf("%s of the %s: %v", how, name, err)
				continue
			}
			content, err := io.ReadAll(f)
			if err != nil || string(content) != "content" || info.Size() != 7 || !info.Mode().IsRegular() {
				t.Errorf("%s of the %s: got %q, %+v, %v", how, name, content, info, err)
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestWhatIsNoRegularFileIsNotOpened(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "directory"), 0o700))
	must(t, os.Symlink("directory", filepath.Join(dir, "link to a directory")))
	must(t, os.Symlink("absent", filepath.Join(dir, "link to nothing")))
	must(t, os.Symlink("circle", filepath.Join(dir, "circle")))
	for name, want := range map[string]error{
		"directory":           regular.ErrNotRegular,
		"link to a directory": regular.ErrNotRegular,
		"link to nothing":     fs.ErrNotExist,
		"absent":              fs.ErrNotExist,
		"circle":              nil, // the file system's own
	} {
		for how, open := range openers {
			refuses(t, how+" of the "+name, want, func() (*os.File, fs.FileInfo, error) { return open(dir, name) })
		}
	}
}

// refuses fails the test unless open returns a *fs.PathError with the cause, and nothing else.
func refuses(t *testing.T, what string, cause error, open func() (*os.File, fs.FileInfo, error)) {
	t.Helper()
	f, info, err := open()
	var path *fs.PathError
	if !errors.As(err, &path) || cause != nil && !errors.Is(err, cause) || f != nil || info != nil {
		t.Errorf("%s: got %v, %v, %v", what, f, info, err)
	}
}

func TestALinkOutOfTheRootIsNotFollowed(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	write(t, filepath.Join(outside, "file"), "content")
	must(t, os.Symlink(filepath.Join(outside, "file"), filepath.Join(dir, "link")))
	refuses(t, "OpenIn", nil, func() (*os.File, fs.FileInfo, error) { return openIn(dir, "link") })
}

func TestAFileIsUnchangedAsLongAsItIsTheSameFileOfTheSameSizeAndTime(t *testing.T) {
	long := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	for name, tc := range map[string]struct {
		change func(t *testing.T, path string)
		want   bool
	}{
		"nothing": {func(*testing.T, string) {}, true},
		"read":    {func(t *testing.T, path string) { _, err := os.ReadFile(path); must(t, err) }, true},
		"linked":  {func(t *testing.T, path string) { must(t, os.Link(path, path+"2")) }, true},
		"longer":  {func(t *testing.T, path string) { write(t, path, "content!"); must(t, os.Chtimes(path, long, long)) }, false},
		"touched": {func(t *testing.T, path string) { must(t, os.Chtimes(path, long, long.Add(time.Second))) }, false},
		"replaced": {func(t *testing.T, path string) {
			write(t, path+"2", "content")
			must(t, os.Chtimes(path+"2", long, long))
			must(t, os.Rename(path+"2", path))
		}, false},
		"overwritten": {func(t *testing.T, path string) { write(t, path, "CONTENT") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file")
			write(t, path, "content")
			must(t, os.Chtimes(path, long, long))
			then, err := os.Stat(path)
			must(t, err)
			tc.change(t, path)
			now, err := os.Stat(path)
			must(t, err)
			if got := regular.Unchanged(then, now); got != tc.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
