package registry

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// A remainder is the part of a blob that a partial file lacks, in order. It comes as one stream,
// from the first Read on: if nothing is missing no request is made. It may come in ranges, too:
//
// If the stream is slow, what is left is divided. The stream goes on with the first part, and the
// others are fetched on connections of their own, to pieces beside the file. When the stream gets to
// the beginning of a piece that has something, the stream ends, and the piece is read, while it
// grows if need be. Where a piece breaks off, there is a stream again, up to the next piece.
//
// A range is asked for once. If it is not served, or breaks off, or falls far behind, the stream
// covers it, with the stream's retries and mirrors. If a registry that was asked for ranges wants
// less traffic, all are given up, and the stream goes on as if there had been none.
//
// Pieces that an earlier download left are used in the same way, and where what follows them is
// fetched besides, they go on growing.
type remainder struct {
	ctx    context.Context
	source *Source
	d      v1.Descriptor
	offset int64 // where it begins
	pos    int64 // of the next byte to read

	stream  *content // nil if none is open
	meter   meter    // of the stream
	latency time.Duration
	from    name.Repository
	asked   bool // a request was attempted; from is the place that the last one was for
	err     error
	told    Told // may be nil

	part  Divisible // nil if there must be no pieces
	ahead []*piece  // in the order of their offsets
	split *split    // the last one

	streamed int64 // bytes that came by streams, once they are closed those that were skipped, too
	pieces   bool  // some of the content came from pieces
	resumed  bool  // or from more than one response of a stream

	// What ranges write, on their own goroutines.
	ranged  atomic.Int64 // bytes that came
	limited atomic.Bool  // a registry wants less traffic
	failed  atomic.Bool  // a piece could not be written
}

func newRemainder(ctx context.Context, s *Source, d v1.Descriptor, offset int64) *remainder {
	return &remainder{ctx: ctx, source: s, d: d, offset: offset, pos: offset, split: &split{}}
}

// use lets some of the content come from pieces beside part.
func (r *remainder) use(part Divisible) {
	r.part = part
	if part.Size() == 0 {
		return // nor has it pieces that are worth a search
	}
	for _, offset := range part.Pieces() {
		if offset < r.d.Size {
			r.ahead = append(r.ahead, &piece{begin: offset})
		}
	}
}

// Read implements [io.Reader].
func (r *remainder) Read(b []byte) (int, error) {
	r.heed()
	for len(r.ahead) > 0 && r.pos >= r.ahead[0].begin {
		if n, err := r.readPiece(b); n > 0 || err != nil {
			return n, err
		}
	}
	if r.stream == nil && r.pos > 0 && r.pos == r.d.Size {
		return 0, io.EOF
	}
	return r.readStream(b)
}

// readStream reads from the stream up to the next piece.
func (r *remainder) readStream(b []byte) (int, error) {
	if r.stream == nil && r.err == nil {
		r.err = r.open()
	}
	if r.err != nil {
		return 0, r.err
	}
	if end := r.end(); end > r.pos { // else it may be too long, which must be noticed
		b = b[:min(int64(len(b)), end-r.pos)]
	}
	begun := time.Now()
	n, err := r.stream.Read(b)
	r.pos += int64(n)
	r.streamed += int64(n)
	if r.from != r.stream.from {
		r.from = r.stream.from
		r.tell()
	}
	if rate, ok := r.meter.read(n, time.Since(begun)); ok && err == nil {
		r.divideRest(rate)
	}
	return n, err
}

// end returns the offset of the next piece, or of the blob's end.
func (r *remainder) end() int64 {
	if len(r.ahead) > 0 {
		return min(r.ahead[0].begin, r.d.Size)
	}
	return r.d.Size
}

// open opens a stream, if possible at the place that served the last one.
func (r *remainder) open() error {
	source := r.source
	if r.asked {
		source = source.Prefer(r.from)
	}
	begun := time.Now()
	c, err := source.open(r.ctx, r.d, r.pos)
	r.asked, r.from, r.meter, r.latency = true, c.from, meter{}, time.Since(begun)
	if err == nil {
		r.stream = c
		r.tell()
	}
	return err
}

// tell says where the content comes from.
func (r *remainder) tell() {
	if r.told != nil {
		r.told.From(r.from)
	}
}

// closeStream closes the stream, before its end if need be.
func (r *remainder) closeStream() error {
	if r.stream == nil {
		return nil
	}
	c := r.stream
	r.stream = nil
	r.streamed += c.Skipped()
	r.resumed = r.resumed || c.Resumed()
	return c.Close()
}

// Close ends everything that goes on, and closes what is open. What is in the pieces stays for the
// next download.
func (r *remainder) Close() error {
	stop(r.ahead...)
	err := r.closeStream()
	for _, p := range r.ahead {
		if p.file != nil {
			err = errors.Join(err, p.file.Close())
		}
	}
	r.ahead = nil
	return err
}

// fetched returns how many bytes came from the network, once the remainder is closed.
func (r *remainder) fetched() int64 { return r.streamed + r.ranged.Load() }

// inPieces reports whether the content was assembled from more than one response or download.
func (r *remainder) inPieces() bool {
	resumed := r.resumed || r.stream != nil && r.stream.Resumed()
	return r.offset > 0 || r.pieces || resumed && r.pos >= r.d.Size
}
