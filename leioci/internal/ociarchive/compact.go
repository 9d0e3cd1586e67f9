package ociarchive

import (
	"context"
	"io"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// compact removes the regions that are not to be kept, by moving those that follow to the front. A
// process that is killed meanwhile leaves regions that the next one finds wrong and fetches again.
func (p *partial) compact(ctx context.Context, keep func(*region) bool) error {
	var kept []*region
	var end int64
	for _, r := range p.regions {
		if !keep(r) {
			if p.at[r.digest] == r {
				delete(p.at, r.digest)
			}
			continue
		}
		if r.start != end {
			r.whole = false // until it is moved
			if err := p.move(ctx, r, end); err != nil {
				return err
			}
		}
		end = r.end()
		kept = append(kept, r)
	}
	p.regions = slices.Clip(kept)
	return p.file.Truncate(end)
}

// move moves a region to the front of the file.
func (p *partial) move(ctx context.Context, r *region, to int64) error {
	const piece = 1 << 20
	buffer := make([]byte, min(piece, r.end()-r.start))
	for from, end := r.start, r.end(); from < end; {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		b := buffer[:min(piece, end-from)]
		if _, err := io.ReadFull(io.NewSectionReader(p.file, from, int64(len(b))), b); err != nil {
			return err
		}
		if _, err := p.writeAt(b, to+from-r.start); err != nil {
			return err
		}
		from += int64(len(b))
	}
	by := r.start - to
	r.start, r.offset, r.whole = to, r.offset-by, true
	return nil
}

// keep appends blobs of another archive, in the order they have there. They are not verified: what
// was damaged there stays so, rather than to be lost.
func (p *partial) keep(ctx context.Context, from *Archive, wanted func(v1.Hash) bool) error {
	for _, b := range from.contents.inOrder() {
		if p.at[b.digest] != nil || !wanted(b.digest) {
			continue
		}
		r, err := p.place(v1.Descriptor{Digest: b.digest, Size: b.size})
		if err != nil {
			return err
		}
		err = p.fill(r, func(f *filling) error {
			if _, err := from.file.Seek(b.offset, io.SeekStart); err != nil {
				return err
			}
			return f.copyFrom(ctx, from.file)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// copyFrom fills a region from another file. The file system copies, where it can.
func (f *filling) copyFrom(ctx context.Context, file io.Reader) error {
	const piece = 64 << 20
	r := f.region
	if _, err := f.file.Seek(r.offset, io.SeekStart); err != nil {
		return err
	}
	for r.held = 0; r.held < r.size; {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		n, err := io.CopyN(f.file, file, min(piece, r.size-r.held))
		r.held += n
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
	}
	return nil
}
