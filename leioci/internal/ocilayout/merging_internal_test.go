package ocilayout

import (
	"os"
	"path/filepath"
	"testing"
)

// Other programs do not lock. What they write between the reading of index.json and its replacement
// must not be lost.
func TestAWriteWithoutALockIsNoticed(t *testing.T) {
	const index = `{"schemaVersion":2,"manifests":[]}`
	for name, tc := range map[string]struct {
		write func(file string) error
		want  bool
	}{
		"nothing":         {func(string) error { return nil }, false},
		"in place":        {func(file string) error { return os.WriteFile(file, []byte(index+" "), 0o600) }, true},
		"another file":    {func(file string) error { return rename(file, index) }, true},
		"its removal":     {os.Remove, true},
		"its first write": {func(file string) error { return os.WriteFile(file, []byte(index), 0o600) }, true},
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, IndexFile)
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		m := &merging{}
		if name != "its first write" {
			if err := os.WriteFile(file, []byte(index), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, m.before, m.info, err = readIndex(t.Context(), root); err != nil {
				t.Fatal(err)
			}
		}
		if err := tc.write(file); err != nil {
			t.Fatal(err)
		}
		if got := m.changedSince(root); got != tc.want {
			t.Errorf("%s: got %v", name, got)
		}
		if err := root.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func rename(file, content string) error {
	if err := os.WriteFile(file+".new", []byte(content), 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}
