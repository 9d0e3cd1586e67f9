package staging

import (
	"os"
	"path/filepath"
	"testing"
)

// An indexingDisk is one on which somebody who has opened the old directory puts its index there
// while it is removed.
type indexingDisk struct {
	osDisk
	left int // times
}

func (d *indexingDisk) remove(path string) error {
	if info, err := os.Lstat(path); err == nil && info.IsDir() && d.left > 0 {
		d.left--
		if err := os.WriteFile(filepath.Join(path, "c"), nil, 0o600); err != nil {
			return err
		}
	}
	return d.osDisk.remove(path)
}

func TestAnOldDirectoryThatGetsAnIndexMeanwhileIsRemoved(t *testing.T) {
	target := filepath.Join(t.TempDir(), "target")
	oldContent.write(t, target)
	dk := &indexingDisk{left: 2}
	if err := replace(t.Context(), dk, target, newContent); err != nil || dk.left > 0 {
		t.Fatalf("%d left, %v", dk.left, err)
	}
	if names := beside(t, target); len(names) > 0 {
		t.Errorf("left behind: %q", names)
	}
}
