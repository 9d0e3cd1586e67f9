package leioci_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// Each snapshot has a different number in both its files. The directory is a symbolic link, which a
// rename replaces atomically.
func TestPackageNeverMixesTheFilesOfTwoSnapshots(t *testing.T) {
	base := t.TempDir()
	dir, link := filepath.Join(base, "dir"), filepath.Join(base, "link")
	var dirs []string
	pairs := map[string]string{} // the digest of a cache.jsonl.gz, by that of its manifest.json
	for i := range 8 {
		d := leiocitest.WriteSnapshot(t, monday.AddDate(0, 0, i), fmt.Sprintf(`{"data":{"repo":"%d"}}`, i))
		img, err := leioci.Package(t.Context(), d)
		must(t, err)
		m, err := img.Manifest()
		must(t, err)
		dirs, pairs[m.Layers[0].Digest.Hex] = append(dirs, d), m.Layers[1].Digest.Hex
	}
	must(t, os.Symlink(dirs[0], dir))
	var stop atomic.Bool
	done := make(chan struct{})
	defer func() { stop.Store(true); <-done }()
	go func() {
		defer close(done)
		for i := 0; !stop.Load(); i++ {
			if err := errors.Join(os.Symlink(dirs[i%len(dirs)], link), os.Rename(link, dir)); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	for range 300 {
		img, err := leioci.Package(t.Context(), dir)
		must(t, err)
		m, err := img.Manifest()
		must(t, err)
		if pairs[m.Layers[0].Digest.Hex] != m.Layers[1].Digest.Hex {
			t.Fatal("the files of two snapshots were mixed")
		}
		layers, err := img.Layers()
		must(t, err)
		if rc, err := layers[1].Compressed(); err == nil {
			_ = rc.Close()
		} else if !errors.Is(err, leioci.ErrVerification) {
			t.Fatal(err)
		}
	}
}

// openFiles returns how many files this process has open.
func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(entries)
}

func TestPackageKeepsNoFileOpen(t *testing.T) {
	broken := t.TempDir()
	must(t, os.WriteFile(filepath.Join(broken, "manifest.json"), []byte("{"), 0o600))
	before := openFiles(t)
	for range 20 {
		img, err := leioci.Package(t.Context(), sampleDir)
		must(t, err)
		layers, err := img.Layers()
		must(t, err)
		for _, l := range layers {
			rc, err := l.Compressed()
			must(t, err)
			must(t, rc.Close())
		}
		_, err = leioci.Package(t.Context(), broken)
		if err == nil {
			t.Fatal("packaged half a snapshot")
		}
		s, err := snapshot.Open(sampleDir)
		must(t, err)
		_, err = leioci.PackageSnapshot(t.Context(), s)
		must(t, errors.Join(err, s.Close()))
	}
	if after := openFiles(t); after > before+2 { // the test runner may open some of its own
		t.Errorf("%d files are open, %d were before", after, before)
	}
}

func TestALayerOfAnOpenSnapshotIsABareFile(t *testing.T) {
	img, err := leioci.PackageSnapshot(t.Context(), openSnapshot(t, sampleDir))
	must(t, err)
	layers, err := img.Layers()
	must(t, err)
	for _, l := range layers {
		rc, err := l.Compressed()
		must(t, err)
		if _, ok := rc.(*os.File); !ok {
			t.Errorf("got a %T, which the kernel cannot send by itself", rc)
		}
		must(t, rc.Close())
	}
}
