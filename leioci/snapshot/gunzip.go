package snapshot

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/flate"
)

// fileBufferBytes is the size of one read from the compressed file.
const fileBufferBytes = 64 << 10

// gunzip reads the members of a gzip file (RFC 1952), one after the other. compress/gzip reads
// their headers, so that what is accepted is what it accepts, and klauspost's flate, which is
// faster, the rest.
type gunzip struct {
	r       *bufio.Reader
	header  *gzip.Reader  // nil before the first member
	inflate io.ReadCloser // nil before the first member
	within  bool          // a member
	crc     uint32        // of the member so far
	size    uint32        // of the member so far, modulo 2^32
	err     error
}

func newGunzip(r io.Reader) *gunzip {
	return &gunzip{r: bufio.NewReaderSize(r, fileBufferBytes)}
}

// Read reads from as many members as it takes.
func (g *gunzip) Read(p []byte) (int, error) {
	for g.err == nil {
		if !g.within {
			g.err = g.begin()
			continue
		}
		n, err := g.inflate.Read(p)
		g.crc = crc32.Update(g.crc, crc32.IEEETable, p[:n])
		g.size += uint32(n) //nolint:gosec // RFC 1952: modulo 2^32
		if err == io.EOF {
			err = g.end()
		}
		if g.err = err; n > 0 {
			return n, err
		}
	}
	return 0, g.err
}

// begin reads a member's header. The error is io.EOF after the last.
func (g *gunzip) begin() error {
	var err error
	if g.header == nil {
		if g.header, err = gzip.NewReader(g.r); err == io.EOF {
			err = io.ErrUnexpectedEOF // RFC 1952: a file has at least one member
		}
	} else {
		err = g.header.Reset(g.r)
	}
	if err != nil {
		return err
	}
	if resetter, ok := g.inflate.(flate.Resetter); ok {
		err = resetter.Reset(g.r, nil)
	} else {
		g.inflate = flate.NewReader(g.r)
	}
	g.within, g.crc, g.size = true, 0, 0
	return err
}

// end reads and compares what follows a member's data.
func (g *gunzip) end() error {
	var trailer [8]byte
	if _, err := io.ReadFull(g.r, trailer[:]); err == io.EOF {
		return io.ErrUnexpectedEOF
	} else if err != nil {
		return err
	}
	if binary.LittleEndian.Uint32(trailer[:4]) != g.crc || binary.LittleEndian.Uint32(trailer[4:]) != g.size {
		return gzip.ErrChecksum
	}
	g.within = false
	return nil
}
