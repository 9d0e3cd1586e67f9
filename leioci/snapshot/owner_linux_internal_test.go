package snapshot

import (
	"os"
	"path/filepath"
	"testing"
)

// TestAnIndexIsMadeWhereModesCannotBeSet uses a file system that refuses to set one: proc.
func TestAnIndexIsMadeWhereModesCannotBeSet(t *testing.T) {
	path := filepath.Join(t.TempDir(), "like")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	like, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open("/proc/self/comm")
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	if f.Chmod(0o600) == nil {
		t.Skip("its mode can be set")
	}
	if err := (&indexFile{file: f}).imitate(like); err != nil {
		t.Error(err)
	}
}
