//go:build unix

package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestAnOCIManifestThatIsNoFileIsNotWaitedFor(t *testing.T) {
	for name, put := range map[string]func(path string) error{
		"a pipe":      func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"a device":    func(path string) error { return os.Symlink("/dev/zero", path) },
		"a directory": func(path string) error { return os.Mkdir(path, 0o700) },
		"a huge file": func(path string) error {
			return os.WriteFile(path, make([]byte, maxManifestBytes+1), 0o600)
		},
	} {
		dir := leiocitest.WriteSnapshot(t, time.Date(2026, 2, 8, 0, 0, 0, 0, time.UTC), reports("2026-02-08")...)
		must(t, put(filepath.Join(dir, ociManifest)))
		if in, err := load(t.Context(), dir, 1<<20); err == nil {
			t.Errorf("%s: loaded as %s", name, in.info.Digest)
			must(t, in.Close())
		}
	}
}
