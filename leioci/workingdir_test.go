package leioci_test

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

func TestAWatchKeepsToItsDirectoryIfTheWorkingDirectoryChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newMirrorWorld(t)
		parent := t.TempDir()
		must(t, os.Mkdir(filepath.Join(parent, "elsewhere"), 0o700))
		t.Chdir(parent)
		looks := 0
		for _, err := range w.client().Watch(t.Context(), w.repos[mainHost].Tag("latest"), "lei", leioci.WatchOptions{}) {
			must(t, err)
			if looks++; looks == 2 {
				break
			}
			t.Chdir(filepath.Join(parent, "elsewhere"))
			w.push(newer.AddDate(0, 0, 1))
		}
		if got, err := os.ReadDir(filepath.Join(parent, "elsewhere")); err != nil || len(got) > 0 {
			t.Errorf("elsewhere is %v, %v", got, err)
		}
		s, err := snapshot.Open(filepath.Join(parent, "lei"))
		must(t, err)
		defer s.Close() //nolint:errcheck // it was only read
		if got := s.Metadata().Date; !got.Equal(newer.AddDate(0, 0, 1)) {
			t.Errorf("it holds the snapshot of %s", got)
		}
	})
}
