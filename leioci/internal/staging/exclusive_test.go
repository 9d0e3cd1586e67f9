package staging

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func openExclusive(t *testing.T, path string) *Exclusive {
	t.Helper()
	e, err := OpenExclusive(path)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestAnExclusiveFileIsOneOwnersUntilItIsClosed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	first := openExclusive(t, path)
	if _, err := OpenExclusive(path); !errors.Is(err, ErrInUse) {
		t.Errorf("got %v", err)
	}
	if _, err := io.WriteString(first, "half"); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := openExclusive(t, path)
	if got, err := io.ReadAll(io.NewSectionReader(second, 0, 10)); err != nil || string(got) != "half" {
		t.Errorf("got %q, %v", got, err)
	}
	to := path + ".placed"
	if err := second.Place(0o644, func() error { return os.Rename(path, to) }); err != nil {
		t.Fatal(err)
	}
	third := openExclusive(t, path)
	if err := third.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if got, err := os.ReadFile(to); err != nil || string(got) != "half" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestAnExclusiveFileThatCannotBePlacedStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	e := openExclusive(t, path)
	refused := errors.New("refused")
	if err := e.Place(0o644, func() error { return refused }); !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
	if !closeFirst {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}
