package staging

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"
)

// content is what a directory holds, by name.
type content map[string]string

var (
	threeFiles = Replaceable{Required: []string{"a", "b"}, Optional: []string{"c"}}
	salvaging  = Replaceable{Required: []string{"a", "b"}, Optional: []string{"c"}, Downloads: downloads}

	oldContent   = content{"a": "the old a", "b": "the b of all", "c": "the old c"}
	newContent   = content{"a": "the new a", "b": "the b of all", "c": "the new c"}
	newerContent = content{"a": "the newer a", "b": "the b of all", "c": "the newer c"}
)

func silent() logrus.FieldLogger {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return log
}

// withoutLock is a disk on which the target cannot be locked, and a partial file can.
type withoutLock struct{ osDisk }

func (withoutLock) openPartial(path string) (file, error) {
	if strings.Contains(path, "-lock-") {
		return nil, errors.ErrUnsupported
	}
	return osDisk{}.openPartial(path)
}

// newUnlockedDir is newDir on that disk.
func newUnlockedDir(t *testing.T, target string) *Dir {
	t.Helper()
	d, err := newOn(t.Context(), withoutLock{}, target, threeFiles, silent())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// below returns the content as files of a directory.
func (c content) below(dir string) map[string]string {
	files := map[string]string{}
	for name, data := range c {
		files[dir+"/"+name] = data
	}
	return files
}

// write makes a directory of the content.
func (c content) write(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	for name, data := range c {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// read returns what a directory holds, nil if it is absent.
func read(t *testing.T, dir string) content {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	c := content{}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		c[e.Name()] = string(data)
	}
	return c
}

// replace makes target hold c, using every way there is: a is written, b is linked if it is there
// already, and c comes from a partial file, which is verified.
func replace(ctx context.Context, dk disk, target string, c content) (err error) {
	return replaceLogging(ctx, dk, target, c, silent())
}

func replaceLogging(ctx context.Context, dk disk, target string, c content, log logrus.FieldLogger) (err error) {
	d, err := newOn(ctx, dk, target, salvaging, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Discard()) }()
	if err := create(d, "a", c["a"]); err != nil {
		return err
	}
	held, err := os.ReadFile(filepath.Join(target, "b"))
	if err == nil && string(held) == c["b"] {
		err = d.Link(ctx, "b", filepath.Join(target, "b"))
	} else {
		err = create(d, "b", c["b"])
	}
	if err != nil {
		return err
	}
	if err := download(d, c["c"]); err != nil {
		return err
	}
	return d.Commit(ctx, func() error { return nil })
}

func create(d *Dir, name, data string) error {
	f, err := d.Create(name)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, data)
	return Finish(f, err)
}

// downloads returns the ids that download gave to the files of a directory: to c alone.
func downloads(dir string) map[string]string {
	data, err := os.ReadFile(filepath.Join(dir, "c"))
	if err != nil {
		return nil
	}
	return map[string]string{"c": downloadID(string(data))}
}

func downloadID(data string) string { return "sha256-" + strings.ReplaceAll(data, " ", "-") }

// download fills c. It continues a partial file if it holds the beginning of data, in two writes.
func download(d *Dir, data string) (err error) {
	p, err := d.Partial(downloadID(data))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	there, err := io.ReadAll(p.Content())
	if err != nil {
		return err
	}
	rest, right := strings.CutPrefix(data, string(there))
	if !right {
		if err := p.Reset(); err != nil {
			return err
		}
		rest = data
	}
	for _, part := range []string{rest[:len(rest)/2], rest[len(rest)/2:]} {
		if _, err := io.WriteString(p, part); err != nil {
			return err
		}
	}
	return p.MoveTo(context.Background(), "c")
}

// beside returns the names of everything else in a target's parent.
func beside(t *testing.T, target string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(target))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if e.Name() != filepath.Base(target) {
			names = append(names, e.Name())
		}
	}
	return names
}
