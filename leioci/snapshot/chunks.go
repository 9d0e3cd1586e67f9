package snapshot

import (
	"context"
	"runtime"
)

const (
	// chunkBytes is how much is read at once.
	chunkBytes = 64 << 10
	// aheadBytes is the size of the content from which on it is worth a second goroutine.
	aheadBytes = 4 << 20
)

// chunks are the content of a cache file, part by part.
type chunks interface {
	// next returns the next part, which is valid until the following call, and the error that
	// follows it: io.EOF after the last.
	next() ([]byte, error)
	// size returns how much there was, after an error.
	size() int64
	// close ends the reading, and waits for whoever reads or hashes.
	close()
}

// chunks returns the content, and hashes it unless hash is nil. Other goroutines do both where that
// helps.
func (s *Snapshot) chunks(ctx context.Context, hash *contentHash) chunks {
	content := s.uncompressed(ctx)
	if ctx == nil || s.meta.RawSize < aheadBytes || runtime.GOMAXPROCS(0) == 1 {
		return &direct{content: content, hash: hash, buf: make([]byte, min(chunkBytes, s.meta.RawSize+1))}
	}
	return newAhead(content, hash)
}

// direct reads what is asked for when it is.
type direct struct {
	content *uncompressed
	hash    *contentHash
	buf     []byte
}

func (d *direct) next() ([]byte, error) {
	n, err := d.content.fill(d.buf)
	if d.hash != nil {
		d.hash.write(d.buf[:n])
	}
	return d.buf[:n], err
}

func (d *direct) size() int64 { return d.content.n }

func (d *direct) close() {}
