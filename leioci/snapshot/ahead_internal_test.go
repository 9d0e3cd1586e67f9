package snapshot

import (
	"bytes"
	"compress/gzip"
	"io"
	"testing"
)

// forever reads the same bytes again and again.
type forever struct {
	data []byte
	at   int
}

func (f *forever) Read(p []byte) (int, error) {
	n := copy(p, f.data[f.at:])
	f.at = (f.at + n) % len(f.data)
	return n, nil
}

func TestReadingAheadIsStoppedThoughThereIsNothingToBeRead(t *testing.T) {
	first := member(t, gzip.Header{}, 6, "first\n")
	empty := &forever{data: member(t, gzip.Header{}, 6, "")}
	for _, file := range []io.Reader{empty, io.MultiReader(bytes.NewReader(first), empty)} {
		for _, hash := range []*contentHash{nil, newContentHash()} {
			content := &uncompressed{ctx: t.Context(), file: file, limit: 1 << 30}
			content.gz = newGunzip(fileReader{content}, fileBufferBytes)
			newAhead(content, hash).close() // or else it waits forever
		}
	}
}
