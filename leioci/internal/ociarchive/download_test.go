package ociarchive

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// A buffer is a partial file in memory.
type buffer struct {
	bytes.Buffer
	held []byte
}

func (b *buffer) Size() int64        { return int64(len(b.held)) }
func (b *buffer) Content() io.Reader { return bytes.NewReader(b.held) }
func (b *buffer) Reset() error       { b.held = nil; b.Buffer.Reset(); return nil }

func TestADownloadIsContinued(t *testing.T) {
	m := newMemory()
	img := m.image("one", 3000)
	a := open(t, save(t, tarOf(t, entries(t, m, img)...)))
	d := img.blobs[1]
	whole := m.blobs[d.Digest]
	for name, tc := range map[string]struct {
		held    []byte
		fetched int64
	}{
		"nothing":            {nil, 3000},
		"a part":             {whole[:1000], 2000},
		"all":                {whole, 0},
		"something else":     {bytes.Repeat([]byte("x"), 1000), 3000 + 2000},
		"all, but wrong":     {bytes.Repeat([]byte("x"), 3000), 3000},
		"more than there is": {append(bytes.Clone(whole), 'x'), 3000},
	} {
		into := &buffer{held: tc.held}
		fetched, err := a.Download(t.Context(), d, into)
		if got := append(into.held, into.Bytes()...); err != nil || !bytes.Equal(got, whole) || fetched != tc.fetched {
			t.Errorf("%s: %d bytes were read, want %d; there are %d, %v", name, fetched, tc.fetched, len(got), err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	into := &buffer{held: whole[:1000]}
	if _, err := a.Download(ended, d, into); !errors.Is(err, context.Canceled) || len(into.held) != 1000 {
		t.Errorf("a context that has ended: got %v, %d bytes are left", err, len(into.held))
	}
}

func TestAnArchiveThatIsReplacedStaysWhatItWas(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("an open file cannot be replaced")
	}
	path := target(t)
	m := newMemory()
	one, two := m.image("one", 3000), m.image("two", 4000)
	mustWrite(t, path, m, one, "latest")
	a := open(t, path)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, path, m, two, "latest")
	f, size, err := a.OpenBlob(t.Context(), one.blobs[1].Digest)
	if err != nil || size != 3000 {
		t.Fatal(size, err)
	}
	b := make([]byte, 100)
	if _, err := f.ReadAt(b, 1000); err != nil || !bytes.Equal(b, m.blobs[one.blobs[1].Digest][1000:1100]) {
		t.Errorf("got %q, %v", b, err)
	}
	if err := errors.Join(f.Close(), a.Close()); err != nil {
		t.Error(err)
	}
}

func TestAnArchiveThatIsWrittenToIsVerifiedAgain(t *testing.T) {
	m := newMemory()
	img := m.image("one", 3000)
	path := save(t, tarOf(t, entries(t, m, img)...))
	a := open(t, path)
	open := func() error {
		f, _, err := a.OpenBlob(t.Context(), img.blobs[1].Digest)
		if err == nil {
			err = f.Close()
		}
		return err
	}
	if err := errors.Join(open(), open()); err != nil {
		t.Fatal(err)
	}
	b := content(t, path)
	b = b[:bytes.Index(b, []byte("one layer 0."))+1000]
	if err := os.WriteFile(path, b, 0o666); err != nil { // in place, and cut off
		t.Fatal(err)
	}
	if err := open(); !errors.Is(err, errdef.ErrVerification) {
		t.Errorf("got %v", err)
	}
	if _, err := a.Download(t.Context(), img.blobs[1], &buffer{}); !errors.Is(err, errdef.ErrVerification) {
		t.Errorf("got %v", err)
	}
}
