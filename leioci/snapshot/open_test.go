package snapshot_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

func TestOpenNamesTheFileThatIsMissing(t *testing.T) {
	for _, name := range []string{snapshot.ManifestFile, snapshot.CacheFile} {
		dir := write(t, describing("", nil), nil)
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		_, err := snapshot.Open(dir)
		if !errors.Is(err, snapshot.ErrNotSnapshot) || !errors.Is(err, fs.ErrNotExist) ||
			!strings.Contains(err.Error(), filepath.Join(dir, name)) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

func TestOpenOfAMissingDirectoryIsNotExist(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "absent")
	_, err := snapshot.Open(dir)
	if !errors.Is(err, fs.ErrNotExist) || errors.Is(err, snapshot.ErrNotSnapshot) || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v", err)
	}
}

func TestOpenOfAFileIsAnError(t *testing.T) {
	if _, err := snapshot.Open(filepath.Join(sampleDir, snapshot.ManifestFile)); !errors.Is(err, snapshot.ErrNotSnapshot) {
		t.Errorf("got %v", err)
	}
	if _, err := snapshot.Open(""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestOpenRefusesADirectoryInPlaceOfAFile(t *testing.T) {
	for _, name := range []string{snapshot.ManifestFile, snapshot.CacheFile} {
		dir := write(t, describing("", nil), nil)
		path := filepath.Join(dir, name)
		if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
			t.Fatal(err)
		}
		_, err := snapshot.Open(dir)
		if !errors.Is(err, snapshot.ErrNotSnapshot) || !strings.Contains(err.Error(), path+": not an LEI snapshot: not a regular") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOpenFollowsALinkInsideTheDirectoryButNotOutOfIt(t *testing.T) {
	content := line("a")
	cache := compress(t, content)
	outside := write(t, describing(content, cache), cache)
	for target, inside := range map[string]bool{"real": true, filepath.Join(outside, snapshot.ManifestFile): false} {
		dir := write(t, describing(content, cache), cache)
		path := filepath.Join(dir, snapshot.ManifestFile)
		if err := os.Rename(path, filepath.Join(dir, "real")); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, path); err != nil {
			t.Fatal(err)
		}
		s, err := snapshot.Open(dir)
		if (err == nil) != inside || err != nil && !errors.Is(err, snapshot.ErrNotSnapshot) {
			t.Errorf("link to %s: %v", target, err)
		}
		if err == nil {
			_ = s.Close()
		}
	}
}

func TestOpenDoesNotLeaveTheDirectoryByAnyOfItsFiles(t *testing.T) {
	content := line("a")
	cache := compress(t, content)
	outside := write(t, describing(content, cache), cache)
	for _, name := range []string{snapshot.ManifestFile, snapshot.CacheFile} {
		for how, target := range map[string]string{
			"an absolute link":         filepath.Join(outside, name),
			"a relative link":          "../" + filepath.Base(outside) + "/" + name,
			"a link to a link":         "other",
			"a link through a link":    "sub/" + name,
			"a link to itself":         name,
			"a link to an open file":   "/proc/self/fd/0",
			"a link to what is absent": "absent",
		} {
			dir := write(t, describing(content, cache), cache)
			path := filepath.Join(dir, name)
			if err := errors.Join(os.Remove(path), os.Symlink(target, path), os.Symlink(outside, filepath.Join(dir, "sub")),
				os.Symlink(filepath.Join(outside, name), filepath.Join(dir, "other"))); err != nil {
				t.Fatal(err)
			}
			s, err := snapshot.Open(dir)
			if !errors.Is(err, snapshot.ErrNotSnapshot) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s is %s: got %v", name, how, err)
			}
			if err == nil {
				_ = s.Close()
			}
		}
	}
}

func TestOpenNamesTheManifestThatIsWrong(t *testing.T) {
	dir := write(t, nil, nil)
	_, err := snapshot.Open(dir)
	if !errors.Is(err, snapshot.ErrNotSnapshot) || !strings.HasPrefix(err.Error(), "read "+filepath.Join(dir, snapshot.ManifestFile)+": ") {
		t.Errorf("got %v", err)
	}
}

func TestOpenRefusesAHugeManifest(t *testing.T) {
	dir := write(t, nil, nil)
	if err := os.Truncate(filepath.Join(dir, snapshot.ManifestFile), snapshot.MaxManifestBytes+1); err != nil {
		t.Fatal(err)
	}
	if _, err := snapshot.Open(dir); !errors.Is(err, snapshot.ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
}

func TestAClosedSnapshotCannotBeRead(t *testing.T) {
	s, err := snapshot.Open(sampleDir)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, err := range s.Reports(t.Context()) {
		n++
		wantLineError(t, err, 1, fs.ErrClosed)
		if errors.Is(err, snapshot.ErrCorrupt) {
			t.Errorf("%v: a failure to read is not damage", err)
		}
	}
	if n != 1 {
		t.Errorf("%d steps, want 1", n)
	}
	if err := s.Close(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("second Close: %v", err)
	}
}
