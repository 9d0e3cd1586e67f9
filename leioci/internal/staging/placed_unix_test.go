//go:build linux || darwin

package staging

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Where nobody else can put anything, whatever there is was put there on purpose.
func TestADirectoryThatRootMadeForAnotherUserStaysTheirs(t *testing.T) {
	if os.Geteuid() != 0 {
		return // only root can give a file away
	}
	target := filepath.Join(t.TempDir(), "parent", "target")
	oldContent.write(t, target)
	must(t, errors.Join(os.Chmod(filepath.Dir(target), 0o755), giveAway(target), os.Chmod(target, 0o750)))
	for f := range oldContent {
		must(t, errors.Join(giveAway(filepath.Join(target, f)), os.Chmod(filepath.Join(target, f), 0o640)))
	}
	killed, err := New(t.Context(), target, salvaging, silent())
	must(t, err)
	must(t, errors.Join(create(killed, "a", "x"), download(killed, newContent["c"])))
	killed.unlockDir()
	must(t, killed.lock.Close())
	for _, c := range []content{newContent, newerContent} {
		must(t, replace(t.Context(), osDisk{}, target, c))
		for path, want := range map[string]fs.FileMode{
			target: 0o750, filepath.Join(target, "a"): 0o640, filepath.Join(target, "b"): 0o640, filepath.Join(target, "c"): 0o640,
		} {
			if mode, user, group := modeOf(t, path); mode.Perm() != want || user != somebody || group != somebody {
				t.Errorf("%s is %v of %d:%d", filepath.Base(path), mode, user, group)
			}
		}
		if left := beside(t, target); left != nil {
			t.Errorf("beside it are %q", left)
		}
	}
}
