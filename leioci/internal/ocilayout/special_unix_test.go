//go:build unix

package ocilayout_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/ocilayout"
	"github.com/lowendinsight/lei-go/leioci/internal/regular"
)

func TestAPipeInALayoutIsNotWaitedFor(t *testing.T) {
	digest, err := v1.NewHash("sha256:dd5b3a8a2b1b696df81992c1aa331758a88eb5f0ee5b3ee7fe59a2e758f2d3bd")
	must(t, err)
	dir := copyOf(t, "both")
	l := open(t, dir)
	must(t, os.Remove(blobFile(dir, digest)))
	must(t, syscall.Mkfifo(blobFile(dir, digest), 0o600))
	for by, err := range everyWay(t.Context(), l, v1.Descriptor{Digest: digest, Size: 106}) {
		if !errors.Is(err, regular.ErrNotRegular) {
			t.Errorf("%s returned %v", by, err)
		}
	}
	for _, name := range []string{"index.json", "oci-layout"} {
		dir := copyOf(t, "both")
		must(t, os.Remove(filepath.Join(dir, name)))
		must(t, syscall.Mkfifo(filepath.Join(dir, name), 0o600))
		if _, err := ocilayout.Open(t.Context(), dir); !errors.Is(err, regular.ErrNotRegular) {
			t.Errorf("%s: got %v", name, err)
		}
		if _, err := ocilayout.NewWriter(t.Context(), dir, silent()); err == nil {
			t.Errorf("%s: it is written to", name)
		}
	}
	pipe := filepath.Join(t.TempDir(), "pipe")
	must(t, syscall.Mkfifo(pipe, 0o600))
	if _, err := ocilayout.Open(t.Context(), pipe); err == nil {
		t.Error("a pipe is a layout")
	}
}
