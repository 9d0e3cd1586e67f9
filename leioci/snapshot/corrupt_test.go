package snapshot_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// members returns one gzip member for each of the contents, concatenated.
func members(t testing.TB, contents ...string) []byte {
	t.Helper()
	var all []byte
	for _, c := range contents {
		all = append(all, compress(t, c)...)
	}
	return all
}

// flip returns b with one byte changed; a negative index counts from the end.
func flip(b []byte, i int) []byte {
	b = bytes.Clone(b)
	if i < 0 {
		i += len(b)
	}
	b[i] ^= 0xff
	return b
}

func TestDamageIsCorruptAndNamesTheLine(t *testing.T) {
	a, b := line("a"), line("b")
	good := members(t, a, b)
	length := len(compress(t, a))
	for name, test := range map[string]struct {
		cache []byte
		line  int64
		cause error
	}{
		"nothing":                 {nil, 1, io.ErrUnexpectedEOF},
		"no gzip":                 {[]byte(a + b), 1, gzip.ErrHeader},
		"half a header":           {good[:5], 1, io.ErrUnexpectedEOF},
		"half a member":           {good[:length/2], 1, io.ErrUnexpectedEOF},
		"truncated after line 1":  {good[:length+20], 2, io.ErrUnexpectedEOF},
		"without the last byte":   {good[:len(good)-1], 3, io.ErrUnexpectedEOF},
		"first header":            {flip(good, 0), 1, gzip.ErrHeader},
		"second header":           {flip(good, length), 2, gzip.ErrHeader},
		"checksum of the second":  {flip(good, -8), 3, gzip.ErrChecksum},
		"length of the second":    {flip(good, -1), 3, gzip.ErrChecksum},
		"checksum of the first":   {flip(good, length-8), 2, gzip.ErrChecksum},
		"block type":              {flip(good, 10), 1, nil},
		"something after the end": {append(bytes.Clone(good), "trailing garbage"...), 3, gzip.ErrHeader},
		"one byte after the end":  {append(bytes.Clone(good), 0), 3, io.ErrUnexpectedEOF},
		"zeros after the end":     {append(bytes.Clone(good), make([]byte, 512)...), 3, gzip.ErrHeader},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, write(t, describing(a+b, test.cache), test.cache))
			var before, after []int64
			for report, err := range s.Reports(t.Context()) {
				if len(after) > 0 {
					t.Error("the reading did not end with the error")
				}
				if err == nil {
					before = append(before, report.Line)
					continue
				}
				after = append(after, report.Line)
				wantLineError(t, err, test.line, snapshot.ErrCorrupt)
				if test.cause != nil && !errors.Is(err, test.cause) {
					t.Errorf("got %v, want cause %v", err, test.cause)
				}
			}
			if !slices.Equal(after, []int64{test.line}) || int64(len(before)) != test.line-1 {
				t.Errorf("reports %v, errors %v", before, after)
			}
			wantLineError(t, s.Verify(t.Context()), test.line, snapshot.ErrCorrupt)
		})
	}
}

func TestNoFlippedByteOfTheDeflateStreamGoesUnnoticed(t *testing.T) {
	content := line("a") + line("b") + line("c")
	good := compress(t, content)
	for i := 10; i < len(good); i++ { // the header has bytes that nothing checks
		cache := flip(good, i)
		s := open(t, write(t, describing(content, cache), cache))
		if err := s.Verify(t.Context()); err == nil {
			t.Errorf("byte %d", i)
		}
	}
}

func TestLinesMayCrossMembers(t *testing.T) {
	content := line("a") + line("b") + line("c")
	for _, size := range []int{1, 7, len(line("a"))} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			var cache []byte
			for part := range slices.Chunk([]byte(content), size) {
				cache = append(cache, members(t, "", string(part))...)
			}
			s := open(t, write(t, describing(content, cache), cache))
			if err := s.Verify(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}
