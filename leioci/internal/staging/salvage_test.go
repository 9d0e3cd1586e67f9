package staging

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// What was downloaded is moved to the new directory before that takes the target's place, and much
// may happen in between: a kill, the end of a context, a refusal.
func TestWhatWasDownloadedOutlivesTheDirectoryItWasMovedTo(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, d *Dir){
		"it is discarded": discard,
		"it is not allowed": func(t *testing.T, d *Dir) {
			refusal := errors.New("refused")
			if err := d.Commit(t.Context(), func() error { return refusal }); !errors.Is(err, refusal) {
				t.Errorf("got %v", err)
			}
			discard(t, d)
		},
		"its directory may not be written to": func(t *testing.T, d *Dir) {
			must(t, os.Chmod(d.Path(), 0o500))
			discard(t, d)
		},
		"its process is killed": func(_ *testing.T, d *Dir) {
			d.unlockDir()
			_ = d.lock.Close() // its file stays
		},
	} {
		t.Run(name, func(t *testing.T) {
			target := filepath.Join(t.TempDir(), "parent", "target")
			oldContent.write(t, target)
			d := newSalvagingDir(t, target)
			must(t, errors.Join(create(d, "a", "x"), create(d, "b", "y"), download(d, newContent["c"])))
			end(t, d)
			next := newSalvagingDir(t, target)
			p := openPartialOf(t, next, downloadID(newContent["c"]))
			if p.Size() != int64(len(newContent["c"])) || !p.shared {
				t.Errorf("of %d bytes are left %d", len(newContent["c"]), p.Size())
			}
			if info, err := os.Stat(p.path); err != nil || !closeFirst && info.Mode().Perm() != 0o600 {
				t.Errorf("others may read it: %v, %v", info.Mode(), err)
			}
			must(t, errors.Join(p.MoveTo(t.Context(), "c"), create(next, "a", "x"), create(next, "b", "y")))
			must(t, next.Commit(t.Context(), func() error { return nil }))
			discard(t, next)
			if got, left := read(t, target), beside(t, target); got["c"] != newContent["c"] || left != nil {
				t.Errorf("the target holds %q, and beside it are %q", got, left)
			}
		})
	}
}

func TestADownloadIsSalvagedWhereModesCannotBeChanged(t *testing.T) {
	target := filepath.Join(t.TempDir(), "parent", "target")
	refusal := errors.New("refused")
	d, err := newOn(t.Context(), lackingDisk{op: "chmod", err: syscall.EPERM}, target, salvaging, silent())
	must(t, err)
	must(t, errors.Join(create(d, "a", "x"), create(d, "b", "y"), download(d, newContent["c"])))
	if err := d.Commit(t.Context(), func() error { return refusal }); !errors.Is(err, refusal) {
		t.Errorf("got %v", err)
	}
	discard(t, d)
	if left, want := beside(t, target), filepath.Base(d.names.partialPath(downloadID(newContent["c"]))); !slices.Equal(left, []string{want}) {
		t.Errorf("beside it are %q", left)
	}
}

func newSalvagingDir(t *testing.T, target string) *Dir {
	t.Helper()
	d, err := New(t.Context(), target, salvaging, silent())
	must(t, err)
	return d
}

// A file that the target holds as well would be changed with it.
func TestAFileWithAnotherNameIsNotSalvaged(t *testing.T) {
	target := filepath.Join(t.TempDir(), "parent", "target")
	oldContent.write(t, target)
	must(t, os.Chmod(filepath.Join(target, "c"), 0o644))
	d := newSalvagingDir(t, target)
	must(t, d.Link(t.Context(), "c", filepath.Join(target, "c")))
	linked := hasName(t, d.Path(), target, "c")
	discard(t, d)
	if left := beside(t, target); linked && left != nil {
		t.Errorf("beside it are %q", left)
	}
	if info, err := os.Stat(filepath.Join(target, "c")); err != nil || !closeFirst && info.Mode().Perm() != 0o644 {
		t.Errorf("the target's file is now %v, %v", info.Mode(), err)
	}
}

func hasName(t *testing.T, a, b, name string) bool {
	t.Helper()
	one, err := os.Stat(filepath.Join(a, name))
	must(t, err)
	other, err := os.Stat(filepath.Join(b, name))
	must(t, err)
	return os.SameFile(one, other)
}

// An old directory is not kept as a download: nobody wants it.
func TestNothingIsSalvagedFromAFormerTarget(t *testing.T) {
	target := filepath.Join(t.TempDir(), "parent", "target")
	for _, c := range []content{oldContent, newContent, newerContent} {
		must(t, replace(t.Context(), osDisk{}, target, c))
		if got, left := read(t, target), beside(t, target); !maps.Equal(got, c) || !slices.Equal(left, nil) {
			t.Errorf("the target holds %q, and beside it are %q", got, left)
		}
	}
}
