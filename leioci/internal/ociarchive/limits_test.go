package ociarchive

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

func TestTheLimitOfABlobHoldsForAllWaysToReadIt(t *testing.T) {
	m := newMemory()
	img := m.image("one", 3000)
	a, err := Open(t.Context(), save(t, tarOf(t, entries(t, m, img)...)), 2999)
	if err != nil {
		t.Fatal(err)
	}
	defer closeOf(t, a)
	d := img.blobs[1]
	_, blobErr := a.Blob(t.Context(), d)
	_, downloadErr := a.Download(t.Context(), d, &buffer{})
	_, _, openErr := a.OpenBlob(t.Context(), d.Digest)
	for _, err := range []error{blobErr, downloadErr, openErr} {
		if !errors.Is(err, errdef.ErrTooLarge) {
			t.Errorf("got %v", err)
		}
	}
}

// Each of these would take memory, or time, without limit.
func TestWhatAnArchiveMayHoldIsLimited(t *testing.T) {
	blob := func(i int) string { return fmt.Sprintf("blobs/sha256/%064x", i) }
	var many bytes.Buffer
	for i := range maxBlobs + 1 {
		h, err := header(blob(i), 0)
		if err != nil {
			t.Fatal(err)
		}
		many.Write(h)
	}
	huge, err := header(blob(1), math.MaxInt64-1000)
	if err != nil {
		t.Fatal(err)
	}
	overflowing, err := header("index.json", math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		b    []byte
		kind error
	}{
		"more blobs than are remembered": {many.Bytes(), errdef.ErrTooLarge},
		"a blob of nearly MaxInt64":      {huge, errdef.ErrVerification},
		"an index of MaxInt64":           {append(overflowing, make([]byte, 2048)...), errdef.ErrVerification},
		"names without end":              {bytes.Repeat(longName(t), 10), errdef.ErrTooLarge},
		"a list of holes":                {sparse(t, "x", strings.Repeat("1\n", 8<<20)), errdef.ErrUnsupportedManifest},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		a, err := Open(t.Context(), save(t, tc.b), math.MaxInt64)
		runtime.ReadMemStats(&after)
		if err == nil {
			_ = a.Close()
		}
		if !errors.Is(err, tc.kind) {
			t.Errorf("%s: got %v", name, err)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 400<<20 { // in all: nearly everything is garbage at once
			t.Errorf("%s: %d MiB were allocated", name, took>>20)
		}
	}
}

func TestManyOtherEntriesTakeNoMemory(t *testing.T) {
	m := newMemory()
	img := m.image("one", 10)
	var b bytes.Buffer
	name := strings.Repeat("n", 99)
	for range 100_000 {
		h, err := header(name, 0)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(h)
	}
	b.Write(tarOf(t, entries(t, m, img)...))
	path := save(t, b.Bytes())
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ended, path, 1000); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that has ended: got %v", err)
	}
	a := open(t, path)
	if len(a.contents.entries) > 10 {
		t.Errorf("%d entries are remembered", len(a.contents.entries))
	}
}

// sparse returns an archive of a file that is stored as GNU tar stores one with holes: its content
// begins with a list of them.
func sparse(t testing.TB, name, stored string) []byte {
	t.Helper()
	b := tarOf(t, entryOf(name, stored).as(func(h *tar.Header) {
		h.Format, h.PAXRecords = tar.FormatPAX, map[string]string{"GNV.sparse.major": "1", "GNV.sparse.minor": "0", "GNV.sparse.realsize": "100000"}
	}))
	return bytes.ReplaceAll(b, []byte("GNV.sparse"), []byte("GNU.sparse")) // which package tar does not write
}

func TestABlobThatIsStoredAsASparseFileIsRefused(t *testing.T) {
	m := newMemory()
	img := m.image("one", 3000, 10)
	d := img.blobs[1]
	b := bytes.TrimSuffix(tarOf(t, entries(t, m, img)...), make([]byte, 2*blockSize))
	b = append(b, sparse(t, blobName(d.Digest), "1\n0\n3000\n"+strings.Repeat("\x00", 502)+string(m.blobs[d.Digest]))...)
	path := save(t, b)
	if _, err := open(t, path).Blob(t.Context(), d); !errors.Is(err, errdef.ErrUnsupportedManifest) || !strings.Contains(err.Error(), "sparse") {
		t.Errorf("got %v", err)
	}
	if _, err := NewWriter(t.Context(), path, math.MaxInt64, silent()); !errors.Is(err, errdef.ErrTargetNotEmpty) || !strings.Contains(err.Error(), "cannot be kept") {
		t.Errorf("a writer, which could not keep it: got %v", err)
	}
}

// longName returns an entry that gives the next one a name of a megabyte, as GNU tar writes it.
func longName(t testing.TB) []byte {
	t.Helper()
	const size = 1<<20 - blockSize
	h, err := header("././@LongLink", size)
	if err != nil {
		t.Fatal(err)
	}
	const kindAt, sumAt, sumLen = 156, 148, 8
	h[kindAt] = tar.TypeGNULongName
	copy(h[sumAt:], strings.Repeat(" ", sumLen))
	sum := 0
	for _, b := range h {
		sum += int(b)
	}
	copy(h[sumAt:], fmt.Sprintf("%06o\x00 ", sum))
	return append(h, bytes.Repeat([]byte("n"), size)...)
}
