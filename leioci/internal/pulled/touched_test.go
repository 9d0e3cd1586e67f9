package pulled_test

import (
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

func TestABlobThatIsTouchedIsReadOn(t *testing.T) {
	w := newWorld(t)
	m, _ := w.pull(saturday, "", report)
	want := content(t, w.dir, "cache.jsonl.gz")
	d := w.open()
	var readers sync.WaitGroup
	for range 4 {
		f, _, err := d.OpenBlob(t.Context(), m.Layers[1].Digest)
		check(t, err)
		readers.Go(func() {
			if got, err := io.ReadAll(f); err != nil || string(got) != want {
				t.Errorf("got %q, %v", got, err)
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	later := time.Now().Add(time.Hour)
	check(t, os.Chtimes(filepath.Join(w.dir, "cache.jsonl.gz"), later, later))
	readers.Wait()
	f, _, err := d.OpenBlob(t.Context(), m.Layers[1].Digest)
	check(t, err)
	defer func() { check(t, f.Close()) }()
	check(t, os.Chtimes(filepath.Join(w.dir, "cache.jsonl.gz"), later, later.Add(time.Hour)))
	if got, err := io.ReadAll(f); err != nil || string(got) != want {
		t.Errorf("got %q, %v", got, err)
	}
}
