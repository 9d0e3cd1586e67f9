//go:build unix

package snapshot_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

func TestOpenRefusesAPipeInPlaceOfTheDirectoryWithoutWaitingForIt(t *testing.T) {
	pipe, link := filepath.Join(t.TempDir(), "pipe"), filepath.Join(t.TempDir(), "link")
	if err := errors.Join(unix.Mkfifo(pipe, 0o600), os.Symlink(pipe, link)); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{pipe, pipe + "/", link, os.DevNull, pipe + "/sub"} {
		if _, err := snapshot.Open(dir); !errors.Is(err, snapshot.ErrNotSnapshot) || !strings.HasPrefix(err.Error(), "open "+dir+": not an LEI snapshot") {
			t.Errorf("%s: %v", dir, err)
		}
	}
}

func TestOpenRefusesAPipeWithoutWaitingForIt(t *testing.T) {
	for _, name := range []string{snapshot.ManifestFile, snapshot.CacheFile} {
		dir := write(t, describing("", nil), nil)
		path := filepath.Join(dir, name)
		if err := errors.Join(os.Remove(path), unix.Mkfifo(path, 0o600)); err != nil {
			t.Fatal(err)
		}
		if _, err := snapshot.Open(dir); !errors.Is(err, snapshot.ErrNotSnapshot) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
