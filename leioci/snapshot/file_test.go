package snapshot_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// copySample copies the sample's two files.
func copySample(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "dir")
	if err := os.CopyFS(dir, os.DirFS(sampleDir)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func readAll(t *testing.T, f snapshot.File) []byte {
	t.Helper()
	rc, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	data, err := io.ReadAll(rc)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestFilesAreThoseThatWereOpened(t *testing.T) {
	dir := copySample(t)
	s := open(t, dir)
	for i, name := range []string{snapshot.ManifestFile, snapshot.CacheFile} {
		f := s.Files()[i]
		want, err := os.ReadFile(filepath.Join(sampleDir, name))
		if err != nil {
			t.Fatal(err)
		}
		if f.Name() != name || f.Info().Size() != int64(len(want)) {
			t.Errorf("got %s of %d bytes", f.Name(), f.Info().Size())
		}
		first, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, first, 100); err != nil {
			t.Fatal(err)
		}
		if got := readAll(t, f); !bytes.Equal(got, want) { // from its own beginning
			t.Errorf("%s: got %d other bytes", name, len(got))
		}
		rest, err := io.ReadAll(first)
		if err != nil || !bytes.Equal(rest, want[100:]) {
			t.Errorf("%s: got %d other bytes after the first 100, %v", name, len(rest), err)
		}
		if err := first.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestAFileThatWasWrittenToIsChanged(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"appended": func(path string) error {
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteString("x")
			return errors.Join(err, f.Close())
		},
		"truncated":   func(path string) error { return os.Truncate(path, 10) },
		"overwritten": func(path string) error { return os.Chtimes(path, time.Time{}, time.Unix(1, 0)) },
	} {
		for i, file := range []string{snapshot.ManifestFile, snapshot.CacheFile} {
			dir := copySample(t)
			s := open(t, dir)
			if err := change(filepath.Join(dir, file)); err != nil {
				t.Fatal(err)
			}
			if err := s.Files()[i].Check(); !errors.Is(err, snapshot.ErrChanged) {
				t.Errorf("%s %s: Check: %v", file, name, err)
			}
			if _, err := s.Files()[i].Open(); !errors.Is(err, snapshot.ErrChanged) {
				t.Errorf("%s %s: Open: %v", file, name, err)
			}
			if err := s.Files()[1-i].Check(); err != nil {
				t.Errorf("the other file: %v", err)
			}
		}
	}
}

func TestTheFilesOfAClosedSnapshotAreClosed(t *testing.T) {
	s, err := snapshot.Open(sampleDir)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, f := range s.Files() {
		if _, err := f.Open(); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("%s: got %v", f.Name(), err)
		}
	}
}
