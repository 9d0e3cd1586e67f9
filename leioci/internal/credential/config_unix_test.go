//go:build unix

package credential_test

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/credential"
)

func TestReadingAPipeDoesNotBlock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	var failed *credential.ConfigError
	if _, err := credential.Config(path, environ()).Resolve(repository(t, "ghcr.io/a/b")); !errors.As(err, &failed) {
		t.Errorf("got %v", err)
	}
}
