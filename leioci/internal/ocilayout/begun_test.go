package ocilayout_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/ocilayout"
)

func TestADirectoryIsNoLayoutBeforeTheCommit(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "layout")
	w := newWriter(t, dir)
	gone := v1.Descriptor{Digest: v1.Hash{Algorithm: "sha256", Hex: artifact[len("sha256:"):]}, Size: 3}
	if err := w.PutBlob(t.Context(), gone, &memory{}); err == nil {
		t.Error("no error")
	}
	must(t, w.Close())
	if got := files(t, dir); len(got) != 0 {
		t.Errorf("after nothing came: %q", got)
	}

	m := &memory{}
	there := m.blob(5000, 1)
	w = newWriter(t, dir)
	must(t, w.PutBlob(t.Context(), there, m))
	must(t, w.Close())
	if got := files(t, dir); !slices.Equal(got, []string{"blobs", "blobs/sha256"}) {
		t.Errorf("after a blob: %q", got)
	}
	if _, err := ocilayout.Open(t.Context(), dir); !errors.Is(err, errdef.ErrNotFound) {
		t.Errorf("open: %v", err)
	}

	w = newWriter(t, dir)
	if has, err := w.HasBlob(t.Context(), there); !has || err != nil {
		t.Errorf("the next one has it: %v, %v", has, err)
	}
	must(t, putAll(t.Context(), w, open(t, filepath.Join("testdata", "att"))))
	if got := files(t, dir); !slices.Contains(got, "oci-layout") || !slices.Contains(got, "index.json") {
		t.Errorf("after the commit: %q", got)
	}
}

func TestADirectoryWithOtherBlobsIsRefused(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "blobs", "sha256"), 0o777))
	must(t, os.WriteFile(filepath.Join(dir, "blobs", "mine"), nil, 0o666))
	if _, err := ocilayout.NewWriter(t.Context(), dir, silent()); !errors.Is(err, errdef.ErrTargetNotEmpty) {
		t.Errorf("got %v", err)
	}
}
