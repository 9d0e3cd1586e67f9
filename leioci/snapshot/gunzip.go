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
	file    counted
	r       *bufio.Reader // of file
	marker  *marker       // nil unless marks are wanted
	header  *gzip.Reader  // nil before the first member
	inflate io.ReadCloser // nil before the first member
	within  bool          // a member
	resumed bool          // within one whose beginning was not read
	crc     uint32        // of the member so far
	size    uint32        // of the member so far, modulo 2^32
	n       int64         // of all members
	err     error
}

func newGunzip(r io.Reader, bufferBytes int) *gunzip {
	g := &gunzip{file: counted{r: r}}
	g.r = bufio.NewReaderSize(&g.file, bufferBytes)
	return g
}

// counted counts what is read.
type counted struct {
	r io.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// resume makes g read r, which begins at a mark.
func (g *gunzip) resume(r io.Reader, at mark) error {
	*g = gunzip{file: counted{r: r}, r: g.r, header: g.header, inflate: g.inflate, within: true, resumed: true}
	g.r.Reset(&g.file)
	point := flate.InflateCheckpoint{BitOffset: at.bit, Window: at.window}
	if again, ok := g.inflate.(resumer); ok {
		return again.ResetCP(g.r, point)
	}
	g.inflate = flate.NewReaderOpts(g.r, flate.WithResumeFrom(point))
	return nil
}

// A resumer is a reader of flate's that can be used again. Package flate has no name for it.
type resumer interface {
	ResetCP(r io.Reader, at flate.InflateCheckpoint) error
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
		g.n += int64(n)
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
	g.within, g.resumed, g.crc, g.size = true, false, 0, 0
	if g.marker != nil {
		g.inflate = flate.NewReaderOpts(g.r, g.marks())
		return nil
	}
	if resetter, ok := g.inflate.(flate.Resetter); ok {
		return resetter.Reset(g.r, nil)
	}
	g.inflate = flate.NewReader(g.r)
	return nil
}

// marks tells the marker about the member whose header has been read.
func (g *gunzip) marks() flate.ReaderOpt {
	content, file := g.n, g.file.n-int64(g.r.Buffered())
	g.marker.member(content, file)
	return flate.WithEobCallback(func(at flate.InflateCheckpoint) { g.marker.block(content, file, at) })
}

// end reads and compares what follows a member's data.
func (g *gunzip) end() error {
	var trailer [8]byte
	if _, err := io.ReadFull(g.r, trailer[:]); err == io.EOF {
		return io.ErrUnexpectedEOF
	} else if err != nil {
		return err
	}
	g.within = false
	if g.resumed {
		return nil // the checksum is about what was not read
	}
	if binary.LittleEndian.Uint32(trailer[:4]) != g.crc || binary.LittleEndian.Uint32(trailer[4:]) != g.size {
		return gzip.ErrChecksum
	}
	return nil
}
