package snapshot

import (
	"context"
	"hash"
	"runtime"
)

const (
	// chunkBytes is how much is read at once.
	chunkBytes = 64 << 10
	// aheadBytes and aheadFileBytes are the sizes of the content and of the file from which on they
	// are worth a second goroutine.
	aheadBytes     = 2 << 20
	aheadFileBytes = 256 << 10
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

// A pass says what is to be found out beside the content itself. What is nil is not.
type pass struct {
	hash   *contentHash
	marks  *marker
	digest hash.Hash // of the compressed file
}

// chunks returns the content. Other goroutines decompress and hash it where that helps.
func (s *Snapshot) chunks(ctx context.Context, pass pass) chunks {
	content := s.uncompressed(ctx)
	content.gz.marker, content.digest = pass.marks, pass.digest
	large := s.meta.RawSize >= aheadBytes && s.cache.info.Size() >= aheadFileBytes
	if ctx == nil || !large || runtime.GOMAXPROCS(0) == 1 {
		return &direct{content: content, hash: pass.hash, buf: make([]byte, min(chunkBytes-1, s.meta.RawSize)+1)}
	}
	return newAhead(content, pass.hash)
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
