//go:build unix

package snapshot_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

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
