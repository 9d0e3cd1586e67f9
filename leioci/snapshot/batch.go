package snapshot

import (
	"cmp"
	"context"
	"io"
	"slices"
)

// The bounds of a batch: how many reports, and how long they are together, beyond the first.
const (
	maxBatch      = 1 << 14
	maxBatchBytes = 32 << 20
)

// A batch is of changes that are to be named. What changes from one day to the next is mostly close
// together in a snapshot, so reading many reports in the order of the file decompresses each part
// once, instead of once for each report.
type batch struct {
	changes []pending
	bytes   int
}

// A pending change has no name yet.
type pending struct {
	Change
	in *Snapshot
	ix *index
	at entry // of a report on it
}

// full reports whether there is no room for a report of so many bytes.
func (b *batch) full(length uint32) bool {
	return len(b.changes) == maxBatch || len(b.changes) > 0 && b.bytes+int(length) > maxBatchBytes
}

func (b *batch) add(p pending) {
	b.changes = append(b.changes, p)
	b.bytes += int(p.at.length)
}

// flush names the changes, yields them in their order, and forgets them.
func (b *batch) flush(ctx context.Context, yield func(Change, error) bool) error {
	order := make([]*pending, len(b.changes))
	for i := range b.changes {
		order[i] = &b.changes[i]
	}
	slices.SortFunc(order, func(p, q *pending) int { return cmp.Compare(p.at.line, q.at.line) })
	readers := map[*Snapshot]*forward{}
	defer func() {
		for _, r := range readers {
			r.close()
		}
	}()
	for _, p := range order {
		r := readers[p.in]
		if r == nil {
			r = &forward{ix: p.ix, cache: p.in.cache}
			readers[p.in] = r
		}
		line, err := r.read(ctx, p.at)
		if err != nil {
			return err
		}
		p.Repo = CanonicalRepo(string(line.repo))
	}
	for i := range b.changes {
		if !yield(b.changes[i].Change, nil) {
			return errStop
		}
	}
	b.changes, b.bytes = b.changes[:0], 0
	return nil
}

// A forward reads reports one after the other, in the order of their lines. It decompresses from
// where the last one ends, if the next is in the same part of the file.
type forward struct {
	ix    *index
	cache File
	in    *inflater // nil before the first
	point int64     // from which it has decompressed; 0 if nothing
	pos   int64     // how much
	raw   []byte
}

// read returns a report, which is valid until the next is read. What is not what was indexed is
// errDamaged.
func (f *forward) read(ctx context.Context, e entry) (line parsed, err error) {
	if e.length > MaxLineBytes || e.skip > maxSkip {
		return line, errDamaged
	}
	if err := contextErr(ctx); err != nil {
		return line, err
	}
	if err := f.seek(ctx, e); err != nil {
		return line, err
	}
	f.raw = slices.Grow(f.raw[:0], int(e.length))[:e.length]
	if err := f.fill(f.raw); err != nil {
		return line, err
	}
	line, err = f.in.parser.parse(e.line, f.raw)
	if err != nil || checksum(f.raw) != e.sum || keyOf(string(line.repo)) != e.key {
		return line, errDamaged
	}
	return line, nil
}

// seek goes to the beginning of a report.
func (f *forward) seek(ctx context.Context, e entry) (err error) {
	if f.in == nil {
		if f.in, _ = f.ix.inflaters.Get().(*inflater); f.in == nil {
			if f.in, err = newInflater(); err != nil {
				return err
			}
		}
	}
	if f.point != e.point {
		at, err := f.ix.point(e.point, f.in)
		if err != nil {
			return err
		}
		u := &f.in.content
		u.ctx, u.fileErr, u.n = ctx, nil, 0
		u.file = io.NewSectionReader(f.cache.file, at.file, f.cache.info.Size()-at.file)
		if err := u.gz.resume(fileReader{u}, at); err != nil {
			return f.in.failed(err)
		}
		f.point, f.pos = e.point, 0
	}
	for f.pos < int64(e.skip) {
		if err := f.fill(f.in.skipped[:min(int64(e.skip)-f.pos, int64(len(f.in.skipped)))]); err != nil {
			return err
		}
	}
	return nil
}

// fill reads on.
func (f *forward) fill(p []byte) error {
	n, err := f.in.content.fill(p)
	if f.pos += int64(n); n < len(p) {
		return f.in.failed(err)
	}
	return nil
}

// close gives the inflater back.
func (f *forward) close() {
	if f.in == nil {
		return
	}
	f.in.content.ctx, f.in.content.file = nil, nil
	f.ix.inflaters.Put(f.in)
	f.in = nil
}
