package snapshot

import (
	"errors"
	"os"
	"testing"
)

func TestADiscardedIndexLeavesNothingOpenAndNothingBehind(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	like, err := root.Stat(".")
	if err != nil {
		t.Fatal(err)
	}
	f, err := newIndexFile(root, like)
	if err != nil {
		t.Fatal(err)
	}
	file, scratch := f.file, []*os.File{}
	for range 2 {
		s, err := f.scratch()
		if err != nil {
			t.Fatal(err)
		}
		scratch = append(scratch, s)
	}
	f.discard()
	for _, file := range append(scratch, file) {
		if err := file.Close(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s: %v", file.Name(), err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}
