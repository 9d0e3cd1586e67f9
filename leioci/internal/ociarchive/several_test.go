package ociarchive

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"sync"
	"testing"
)

func TestBlobsMayBePutAtOnce(t *testing.T) {
	path := target(t)
	m := newMemory()
	img := m.image("one", 3000, 20_000, 1, 700, 512, 40_000)
	w := newTestWriter(t, path)
	var wg sync.WaitGroup
	errs := make([]error, 2*len(img.blobs))
	for i, d := range append(img.blobs, img.blobs...) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			errs[i] = w.PutBlob(t.Context(), d, m)
		}()
	}
	wg.Wait()
	if err := errors.Join(append(errs, putImage(t.Context(), w, m, img, "latest"), w.Commit(t.Context()), w.Close())...); err != nil {
		t.Fatal(err)
	}
	assertHolds(t, path, "latest", m, img)
}

func TestAWriterWaitsForTheOtherAndKeepsItsTag(t *testing.T) {
	path := target(t)
	m := newMemory()
	one, two := m.image("one", 10_000), m.image("two", 20_000)
	w := newTestWriter(t, path)
	if err := putImage(t.Context(), w, m, one, "one"); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- write(t.Context(), osDisk{}, path, m, two, "two") }()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := NewWriter(ended, path, math.MaxInt64, silent()); !errors.Is(err, context.Canceled) {
		t.Errorf("a third, whose context has ended: got %v", err)
	}
	if err := errors.Join(w.Commit(t.Context()), w.Close(), <-done); err != nil {
		t.Fatal(err)
	}
	assertHolds(t, path, "one", m, one)
	assertHolds(t, path, "two", m, two)
}

// Where there are no locks, nobody waits.
func TestAnArchiveThatAnotherProcessReplacesMeanwhileIsReadAgain(t *testing.T) {
	path := target(t)
	m := newMemory()
	old, one, two := m.image("old", 500), m.image("one", 10_000), m.image("two", 20_000)
	mustWrite(t, path, m, old, "old")
	w, err := newWriter(t.Context(), lockless{osDisk{}}, path, math.MaxInt64, silent())
	if err != nil {
		t.Fatal(err)
	}
	if err := putImage(t.Context(), w, m, one, "one"); err != nil {
		t.Fatal(err)
	}
	if err := write(t.Context(), lockless{osDisk{}}, path, m, two, "two"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Commit(t.Context()), w.Close()); err != nil {
		t.Fatal(err)
	}
	assertHolds(t, path, "old", m, old)
	assertHolds(t, path, "one", m, one)
	assertHolds(t, path, "two", m, two)
	if left := beside(t, path); left != nil {
		t.Errorf("beside it are %q", left)
	}
}

// The other process is as fast as can be: it replaces the archive after the commit has read it.
func TestAnArchiveThatAnotherProcessReplacesDuringTheCommitIsReadAgain(t *testing.T) {
	path := target(t)
	m := newMemory()
	old, one, two := m.image("old", 500), m.image("one", 10_000), m.image("two", 20_000)
	mustWrite(t, path, m, old, "old")
	replaced := 0
	dk := faultDisk{lockless{osDisk{}}, func(op string) error {
		if op != "sync" || replaced == 2 {
			return nil
		}
		replaced++
		return write(t.Context(), lockless{osDisk{}}, path, m, two, fmt.Sprintf("two-%d", replaced))
	}}
	if err := write(t.Context(), dk, path, m, one, "one"); err != nil {
		t.Fatal(err)
	}
	assertHolds(t, path, "old", m, old)
	assertHolds(t, path, "one", m, one)
	assertHolds(t, path, "two-1", m, two)
	assertHolds(t, path, "two-2", m, two)
}

func TestAnArchiveThatIsDeletedMeanwhileIsWrittenAnew(t *testing.T) {
	path := target(t)
	m := newMemory()
	old := m.image("old", 500)
	mustWrite(t, path, m, old, "old")
	w := newTestWriter(t, path)
	if err := putImage(t.Context(), w, m, old, "new"); err != nil { // relies on blobs that are there
		t.Fatal(err)
	}
	if runtime.GOOS == "windows" {
		t.Skip("an open file cannot be deleted")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Commit(t.Context()), w.Close()); err != nil {
		t.Fatal(err)
	}
	assertHolds(t, path, "new", m, old)
}
