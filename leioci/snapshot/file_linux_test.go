package snapshot_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

func TestAFileIsReadAfterItsDirectoryWasReplacedAndDeleted(t *testing.T) {
	dir := copySample(t)
	s := open(t, dir)
	if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700)); err != nil {
		t.Fatal(err)
	}
	for _, f := range s.Files() {
		want, err := os.ReadFile(filepath.Join(sampleDir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if got := readAll(t, f); !bytes.Equal(got, want) {
			t.Errorf("%s: got %d other bytes", f.Name(), len(got))
		}
	}
}

// Only what is a bare file can be sent by the kernel.
func TestOpenOfAFileIsABareFile(t *testing.T) {
	for _, f := range open(t, sampleDir).Files() {
		rc, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := rc.(*os.File); !ok {
			t.Errorf("%s: got a %T", f.Name(), rc)
		}
		if err := rc.Close(); err != nil {
			t.Error(err)
		}
	}
	// Where it cannot be opened anew, it is read all the same.
	dir := copySample(t)
	s := open(t, dir)
	path := filepath.Join(dir, snapshot.CacheFile)
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, s.Files()[1]); len(got) != 62724 {
		t.Errorf("got %d bytes", len(got))
	}
}
