package staging

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// noLinks is a disk of a file system without links.
type noLinks struct{ osDisk }

func (noLinks) link(from, to string) error {
	return &os.LinkError{Op: "link", Old: from, New: to, Err: syscall.EPERM}
}

// noFlush is a disk that cannot flush other users' files.
type noFlush struct{ osDisk }

func (noFlush) syncFile(path string) error {
	return &fs.PathError{Op: "open", Path: path, Err: fs.ErrPermission}
}

func TestLinkBringsAFileAlong(t *testing.T) {
	for name, tc := range map[string]struct {
		disk disk
		same bool // the same file, not a copy
	}{
		"by a link":                      {osDisk{}, true},
		"by a copy":                      {noLinks{}, false},
		"by a copy, not being the owner": {noFlush{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			target := filepath.Join(t.TempDir(), "parent", "target")
			oldContent.write(t, target)
			d, err := newOn(t.Context(), tc.disk, target, threeFiles, silent())
			if err != nil {
				t.Fatal(err)
			}
			// Link replaces an existing file.
			if err := errors.Join(create(d, "b", "another"), d.Link(t.Context(), "b", filepath.Join(target, "b"))); err != nil {
				t.Fatal(err)
			}
			if got := read(t, d.Path()); !maps.Equal(got, content{"b": oldContent["b"]}) {
				t.Errorf("the new directory holds %q", got)
			}
			old, err := os.Stat(filepath.Join(target, "b"))
			if err != nil {
				t.Fatal(err)
			}
			if is, err := os.Stat(filepath.Join(d.Path(), "b")); err != nil || os.SameFile(old, is) != tc.same {
				t.Errorf("the same file: %v, %v", !tc.same, err)
			}
			discard(t, d)
			if got := read(t, target); !maps.Equal(got, oldContent) {
				t.Errorf("the target holds %q", got)
			}
		})
	}
}

func TestLinkRefusesAnythingButARegularFile(t *testing.T) {
	parent := t.TempDir()
	content{"file": "mine"}.write(t, parent)
	link := filepath.Join(parent, "link")
	if err := os.Symlink("file", link); err != nil {
		t.Fatal(err)
	}
	d := newDir(t, filepath.Join(parent, "target"))
	for _, from := range []string{link, parent, filepath.Join(parent, "absent")} {
		if err := d.Link(t.Context(), "b", from); err == nil {
			t.Errorf("%s was linked", filepath.Base(from))
		}
	}
	if err := d.Link(t.Context(), "b", filepath.Join(parent, "absent")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if got := read(t, d.Path()); len(got) > 0 {
		t.Errorf("the new directory holds %q", got)
	}
	discard(t, d)
}

// raceDisk is a disk on which a file becomes a symbolic link just as it is linked.
type raceDisk struct{ osDisk }

func (raceDisk) link(from, to string) error {
	return errors.Join(os.Remove(from), os.Symlink("elsewhere", from), os.Symlink("elsewhere", to))
}

func TestLinkLeavesNoSymbolicLink(t *testing.T) {
	target := filepath.Join(t.TempDir(), "target")
	oldContent.write(t, target)
	d, err := newOn(t.Context(), raceDisk{}, target, threeFiles, silent())
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Link(t.Context(), "b", filepath.Join(target, "b")); err == nil {
		t.Error("it was linked")
	}
	discard(t, d)
}

func TestReadersKeepAnOldFileThatTheyHaveOpen(t *testing.T) {
	if closeFirst {
		return // Windows does not rename a directory with open files
	}
	target := filepath.Join(t.TempDir(), "parent", "target")
	oldContent.write(t, target)
	reader, err := os.Open(filepath.Join(target, "a"))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := replace(t.Context(), osDisk{}, target, newContent); err != nil {
		t.Fatal(err)
	}
	data := make([]byte, 100)
	if n, err := reader.Read(data); err != nil || string(data[:n]) != oldContent["a"] {
		t.Errorf("the reader got %q, %v", data[:n], err)
	}
}

func TestACopyIsAnotherFile(t *testing.T) {
	target := filepath.Join(t.TempDir(), "target")
	oldContent.write(t, target)
	from := filepath.Join(target, "b")
	d := newDir(t, target)
	must(t, d.Copy(t.Context(), "b", from))
	before, err := os.Stat(from)
	must(t, err)
	after, err := os.Stat(filepath.Join(d.Path(), "b"))
	must(t, err)
	if os.SameFile(before, after) {
		t.Error("it is the same")
	}
	discard(t, d)
}

func TestWhatAKilledProcessLeftIsInNobodysWay(t *testing.T) {
	target := filepath.Join(t.TempDir(), "parent", "target")
	oldContent.write(t, target)
	must(t, os.WriteFile(filepath.Join(target, "temporary-1"), nil, 0o600))
	if err := threeFiles.Check(target); !errors.Is(err, errdef.ErrTargetNotEmpty) {
		t.Errorf("got %v", err)
	}
	kind := threeFiles
	kind.Temporary = "temporary-"
	must(t, kind.Check(target))
	d, err := New(t.Context(), target, kind, silent())
	must(t, err)
	for name, data := range newContent {
		must(t, create(d, name, data))
	}
	must(t, d.Commit(t.Context(), func() error { return nil }))
	if entries, err := os.ReadDir(filepath.Dir(target)); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	d, err = New(t.Context(), target, kind, silent())
	must(t, err)
	must(t, os.WriteFile(filepath.Join(d.Path(), "temporary-3"), nil, 0o600))
	discard(t, d)
	if entries, err := os.ReadDir(filepath.Dir(target)); err != nil || len(entries) != 1 {
		t.Errorf("left behind by what replaced nothing: %v, %v", entries, err)
	}
	must(t, os.Mkdir(filepath.Join(target, "temporary-2"), 0o700))
	if err := kind.Check(target); !errors.Is(err, errdef.ErrTargetNotEmpty) {
		t.Errorf("a directory: got %v", err)
	}
}
