package snapshot

import (
	"context"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// maxSkip is how much may be decompressed in vain before a report. Whoever compresses begins a
// block every few hundred kilobytes.
const maxSkip = 64 << 20

// The entries of an index may take this much, and this much for each byte of the cache file: a few
// megabytes of gzip may hold billions of empty reports.
const (
	maxEntriesBytes = 16 << 20
	maxEntriesRatio = 16
)

// An indexer makes an index of the reports it is given.
type indexer struct {
	out     *indexFile
	most    int64 // reports
	marks   *marker
	windows *zstd.Encoder
	entries sorter
	tally   tally
	mark    mark  // the one before the report
	point   int64 // where it is in the index, or 0 if it is not yet
}

// newIndexer returns an indexer for the reports in a cache file of a size.
func newIndexer(out *indexFile, size int64) (*indexer, error) {
	windows, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderCRC(false), zstd.WithWindowSize(windowBytes))
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	most := (maxEntriesBytes + min(size, 1<<48)*maxEntriesRatio) / entryBytes
	return &indexer{out: out, most: most, marks: newMarker(), windows: windows, entries: sorter{newFile: out.scratch}}, nil
}

// add takes the next report.
func (x *indexer) add(line parsed) error {
	if line.line > x.most {
		return fmt.Errorf("%w of %d reports in a file of this size", ErrTooLarge, x.most)
	}
	mark, another := x.marks.before(line.offset)
	if another {
		x.point = 0
	}
	if x.mark = mark; x.point == 0 {
		x.point = x.out.n
		if err := x.out.write(packPoint(mark, x.windows)); err != nil {
			return err
		}
	}
	skip := line.offset - mark.content
	if skip > maxSkip {
		return fmt.Errorf("line %d: %w of %d bytes from a place where decompressing can begin", line.line, ErrTooLarge, maxSkip)
	}
	x.tally.add(line)
	return x.entries.add(entry{
		key: keyOf(string(line.repo)), line: line.line, risk: riskCode(line.risk),
		point: x.point, skip: uint32(skip), length: uint32(len(line.raw)), sum: checksum(line.raw), //nolint:gosec // checked, and at most MaxLineBytes
	}.pack())
}

// finish writes the rest of the index, for a snapshot of these files. h has their digests.
func (x *indexer) finish(ctx context.Context, h header, meta Metadata) error {
	h.Magic, h.Version, h.Names = magic, indexVersion, canonicalRules
	if err := x.writeLeaves(ctx, &h); err != nil {
		return err
	}
	for level := 1; h.Levels[level-1].Length > 1; level++ {
		if err := x.writeBranches(ctx, &h, level); err != nil {
			return err
		}
	}
	return x.out.seal(h, details{meta, x.tally.summary()})
}

// writeLeaves writes the entries in order.
func (x *indexer) writeLeaves(ctx context.Context, h *header) error {
	w := pageWriter{out: x.out, cache: h.Cache, itemBytes: entryBytes}
	h.Levels[0].Offset = x.out.n
	err := x.entries.each(func(e packed) error {
		h.Entries++
		return w.add(ctx, e[:])
	})
	if err == nil {
		err = w.flush(ctx)
	}
	h.Levels[0].Length = w.number
	return err
}

// writeBranches writes the level above another, which it reads: it may be large.
func (x *indexer) writeBranches(ctx context.Context, h *header, level int) error {
	if err := x.out.flush(); err != nil {
		return err
	}
	w := pageWriter{out: x.out, cache: h.Cache, itemBytes: keyBytes, level: level}
	below := h.Levels[level-1]
	h.Levels[level].Offset = x.out.n
	var key repoKey
	for number := range below.Length {
		if _, err := x.out.file.ReadAt(key[:], below.Offset+number*pageBytes+pageHead); err != nil {
			return err
		}
		if err := w.add(ctx, key[:]); err != nil {
			return err
		}
	}
	err := w.flush(ctx)
	h.Levels[level].Length = w.number
	return err
}

// A pageWriter fills the pages of a level.
type pageWriter struct {
	out       *indexFile
	cache     identity
	itemBytes int
	level     int
	number    int64 // of pages written
	page      page
	count     int
}

func (w *pageWriter) add(ctx context.Context, item []byte) error {
	at := pageHead + w.count*w.itemBytes
	if at+w.itemBytes > pageBytes {
		if err := w.flush(ctx); err != nil {
			return err
		}
		at = pageHead
	}
	copy(w.page[at:], item)
	w.count++
	return nil
}

// flush writes a page if there is anything in it.
func (w *pageWriter) flush(ctx context.Context) error {
	if w.count == 0 {
		return nil
	}
	if err := contextErr(ctx); err != nil {
		return err
	}
	w.page.seal(w.level, w.number, w.count, w.cache)
	err := w.out.write(w.page[:])
	w.page, w.count = page{}, 0
	w.number++
	return err
}
