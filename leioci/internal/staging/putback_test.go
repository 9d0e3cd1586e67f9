package staging

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/sirupsen/logrus"
	logrustest "github.com/sirupsen/logrus/hooks/test"
)

// onceDisk exchanges directories once.
type onceDisk struct {
	osDisk
	exchanged *bool
}

func (d onceDisk) exchange(a, b string) error {
	if *d.exchanged {
		return &os.LinkError{Op: "exchange", Old: a, New: b, Err: syscall.EIO}
	}
	*d.exchanged = true
	return d.osDisk.exchange(a, b)
}

// A name that is as long as a name may be.
func TestWhatIsKeptHasANameThatIsPossible(t *testing.T) {
	parent := t.TempDir()
	for _, name := range []string{"target", strings.Repeat("x", 255), "a" + strings.Repeat("ü", 127)} {
		to := keptPath(filepath.Join(parent, name))
		if err := os.Mkdir(to, 0o700); err != nil || !utf8.ValidString(to) || filepath.Dir(to) != parent {
			t.Errorf("%q: %v", to, err)
		}
	}
}

// The old directory is no longer of the kind, and putting it back fails.
func TestAnOldDirectoryThatCannotBePutBackIsKept(t *testing.T) {
	for name, change := range map[string]func(target string) error{
		"a file is added":   func(target string) error { return os.WriteFile(filepath.Join(target, "notes"), []byte("mine"), 0o600) },
		"a file is removed": func(target string) error { return os.Remove(filepath.Join(target, "b")) },
	} {
		t.Run(name, func(t *testing.T) {
			target := filepath.Join(t.TempDir(), "parent", "target")
			oldContent.write(t, target)
			var exchanged bool
			log, logged := logrustest.NewNullLogger()
			d, err := newOn(t.Context(), onceDisk{exchanged: &exchanged}, target, threeFiles, log)
			if err != nil {
				t.Fatal(err)
			}
			for name, data := range newContent {
				if err := create(d, name, data); err != nil {
					t.Fatal(err)
				}
			}
			var changed content
			err = d.Commit(t.Context(), func() error {
				err := change(target)
				changed = read(t, target)
				return err
			})
			left := beside(t, target)
			if len(left) != 1 || !strings.HasPrefix(left[0], "target.kept-") {
				t.Fatalf("beside the target are %q", left)
			}
			if err != nil {
				t.Errorf("the new directory is in place, and there is an error: %v", err)
			}
			if said := logged.LastEntry(); said == nil || said.Level != logrus.WarnLevel || !strings.Contains(said.Message, left[0]) {
				t.Errorf("the log says %v", said)
			}
			discard(t, d)
			commit(t, newDir(t, target), "a", "b")
			if got := read(t, filepath.Join(filepath.Dir(target), left[0])); !maps.Equal(got, changed) {
				t.Errorf("kept is %q, want %q", got, changed)
			}
			if after := beside(t, target); !slices.Equal(after, left) {
				t.Errorf("beside the target are %q", after)
			}
		})
	}
}

// unflushedDisk flushes only new directories.
type unflushedDisk struct{ osDisk }

func (d unflushedDisk) syncDir(path string) error {
	if strings.Contains(path, "-staging-") {
		return d.osDisk.syncDir(path)
	}
	return &os.PathError{Op: "sync", Path: path, Err: syscall.EIO}
}

// If it is unknown whether an exchange reached the disk, a crash may bring the old directory back.
func TestAnOldDirectoryStaysUntilTheExchangeIsFlushed(t *testing.T) {
	target := filepath.Join(t.TempDir(), "parent", "target")
	oldContent.write(t, target)
	if err := replace(t.Context(), unflushedDisk{}, target, newContent); err != nil {
		t.Errorf("the new directory is in place, and there is an error: %v", err)
	}
	left := beside(t, target)
	if len(left) != 1 {
		t.Fatalf("beside the target are %q", left)
	}
	if got := read(t, filepath.Join(filepath.Dir(target), left[0])); !maps.Equal(got, oldContent) {
		t.Errorf("the old directory holds %q", got)
	}
	if _, err := newOn(t.Context(), unflushedDisk{}, target, threeFiles, silent()); !errors.Is(err, syscall.EIO) {
		t.Errorf("got %v", err)
	}
	if got := beside(t, target); !slices.Equal(got, left) {
		t.Errorf("beside the target are %q", got)
	}
}

// A foreign file in the new directory, or in a former target that is being removed, is not removed
// with it.
func TestDiscardRemovesNoForeignFile(t *testing.T) {
	target := filepath.Join(t.TempDir(), "target")
	d := newDir(t, target)
	content{"notes": "mine"}.write(t, d.Path())
	if err := d.Discard(); err == nil || !strings.Contains(err.Error(), "notes") {
		t.Errorf("got %v", err)
	}
	if got := read(t, d.Path()); !maps.Equal(got, content{"notes": "mine"}) {
		t.Errorf("the directory holds %q", got)
	}
}
