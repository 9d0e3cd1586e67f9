package snapshot

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"testing"
	"testing/iotest"
)

// member returns one gzip member.
func member(t testing.TB, header gzip.Header, level int, content string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := gzip.NewWriterLevel(&buf, level)
	if err != nil {
		t.Fatal(err)
	}
	w.Header = header
	_, err = w.Write([]byte(content))
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// kindOf returns what callers can tell an error of a gzip reader by. Data that ends in the middle
// of what is damaged may be seen as either first.
func kindOf(err error) error {
	for _, kind := range []error{gzip.ErrHeader, gzip.ErrChecksum} {
		if errors.Is(err, kind) {
			return kind
		}
	}
	if err != nil {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// unzipsAlike compares gunzip with compress/gzip.
func unzipsAlike(t *testing.T, data []byte) {
	t.Helper()
	const most = 8 << 20
	var want []byte
	standard, wantErr := gzip.NewReader(bytes.NewReader(data))
	switch wantErr {
	case io.EOF:
		wantErr = io.ErrUnexpectedEOF // a file has at least one member
	case nil:
		want, wantErr = io.ReadAll(io.LimitReader(standard, most))
	}
	for name, r := range map[string]io.Reader{
		"at once": bytes.NewReader(data), "by halves": iotest.HalfReader(bytes.NewReader(data)),
		"by the byte": iotest.OneByteReader(bytes.NewReader(data)),
	} {
		got, err := io.ReadAll(io.LimitReader(newGunzip(r, fileBufferBytes), most))
		if kindOf(err) != kindOf(wantErr) {
			t.Errorf("%.60x %s: got %v, want %v", data, name, err, wantErr)
		}
		// Of what is damaged, either may have got further.
		if n := min(len(got), len(want)); !bytes.Equal(got[:n], want[:n]) || err == nil && len(got) != len(want) {
			t.Errorf("%.60x %s: got %d bytes, want %d, or others", data, name, len(got), len(want))
		}
	}
}

// zipped returns gzip files, and what is nearly one.
func zipped(t testing.TB) [][]byte {
	t.Helper()
	sample, err := os.ReadFile("../testdata/lei-0.9.1/" + CacheFile)
	if err != nil {
		t.Fatal(err)
	}
	text := "some text, some text, some more text\n"
	plain, empty := member(t, gzip.Header{}, 6, text), member(t, gzip.Header{}, 6, "")
	all := [][]byte{
		nil, plain, empty, sample, sample[:3000], bytes.Repeat(empty, 3), append(bytes.Clone(plain), empty...),
		append(bytes.Clone(plain), plain...), append(bytes.Clone(plain), 0), append(bytes.Clone(plain), "trailing"...),
		append(bytes.Clone(plain), make([]byte, 512)...), member(t, gzip.Header{}, gzip.NoCompression, text),
		member(t, gzip.Header{}, gzip.HuffmanOnly, text), member(t, gzip.Header{Name: "n", Comment: "c", Extra: []byte("e")}, 9, text),
	}
	for flags := range 256 { // the reserved ones included
		flagged := bytes.Clone(plain)
		flagged[3] = byte(flags)
		all = append(all, flagged)
	}
	return all
}

func TestGunzipReadsWhatTheStandardLibraryReads(t *testing.T) {
	for _, data := range zipped(t) {
		unzipsAlike(t, data)
	}
	plain := zipped(t)[1]
	for n := range plain {
		unzipsAlike(t, plain[:n])
		for bit := range 8 {
			damaged := append(bytes.Clone(plain), plain...)
			damaged[n] ^= 1 << bit
			unzipsAlike(t, damaged)
		}
	}
}

func FuzzGunzip(f *testing.F) {
	for _, data := range zipped(f) {
		f.Add(data)
	}
	f.Fuzz(unzipsAlike)
}
