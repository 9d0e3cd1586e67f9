package ociarchive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/staging"
	"github.com/lowendinsight/lei-go/leioci/internal/verify"
)

// A partial is an archive that is being written. It holds regions, one after the other, and nothing
// else until it is completed. The last region, or one that an interrupted download left, may not be
// whole.
type partial struct {
	disk    disk
	file    staging.LockedFile
	path    string
	private bool // nobody else knows it
	useless bool // nobody is to continue it
	regions []*region
	at      map[v1.Hash]*region
}

// last returns the last region, or nil.
func (p *partial) last() *region {
	if len(p.regions) == 0 {
		return nil
	}
	return p.regions[len(p.regions)-1]
}

// end returns where the next region is to begin.
func (p *partial) end() int64 {
	if r := p.last(); r != nil {
		return r.end()
	}
	return 0
}

func (p *partial) add(r *region) {
	p.regions = append(p.regions, r)
	p.at[r.digest] = r
}

// place returns the region of a blob, which it appends if there is none.
func (p *partial) place(d v1.Descriptor) (*region, error) {
	switch r := p.at[d.Digest]; {
	case r == nil:
	case r.size == d.Size:
		return r, nil
	case r.whole:
		return nil, fmt.Errorf("%w: %s has %d bytes, not %d", errdef.ErrVerification, d.Digest, r.size, d.Size)
	}
	if len(p.regions) == maxBlobs {
		return nil, fmt.Errorf("%w: more than %d blobs in one archive", errdef.ErrTooLarge, maxBlobs)
	}
	r, head, err := newRegion(p.end(), d.Digest, d.Size)
	if err != nil {
		return nil, err
	}
	// The space of a blob before it whose download failed is kept for that.
	if _, err := p.writeAt(head, r.start); err != nil {
		return nil, err
	}
	p.add(r)
	return r, nil
}

// fill fills a region, and completes it. download is given the place for the content.
func (p *partial) fill(r *region, download func(*filling) error) error {
	if err := download(p.open(r)); err != nil {
		return err
	}
	if r.held != r.size {
		return fmt.Errorf("%w: %s ends after %d of %d bytes", errdef.ErrVerification, r.digest, r.held, r.size)
	}
	if r == p.last() {
		if err := p.file.Truncate(r.end()); err != nil {
			return err
		}
	}
	r.whole = true
	return nil
}

// content returns the content of a region.
func (p *partial) content(r *region) *io.SectionReader {
	return io.NewSectionReader(p.file, r.offset, r.size)
}

func (p *partial) writeAt(b []byte, offset int64) (int, error) {
	if _, err := p.file.Seek(offset, io.SeekStart); err != nil {
		return 0, err
	}
	return p.file.Write(b)
}

// resume finds the regions that a partial archive holds, and verifies them. Where something else
// begins, it is cut off. Blobs of more than so many bytes are something else.
func (p *partial) resume(ctx context.Context, most int64) error {
	info, err := p.file.Stat()
	if err != nil {
		return err
	}
	for p.end() < info.Size() && len(p.regions) < maxBlobs {
		r := p.found(p.end(), info.Size(), most)
		if r == nil || p.at[r.digest] != nil {
			break
		}
		p.add(r)
		if r.end() > info.Size() {
			r.held = min(r.size, info.Size()-r.offset)
			return nil
		}
		err := verify.All(ctx, p.content(r), r.digest, r.size)
		switch {
		case err == nil:
			r.held, r.whole = r.size, true
		case !errors.Is(err, errdef.ErrVerification):
			return err
		}
	}
	return p.file.Truncate(p.end())
}

// found returns the region whose header is at an offset, or nil.
func (p *partial) found(start, size, most int64) *region {
	c, err := scanOne(io.NewSectionReader(p.file, start, size-start))
	if err != nil {
		return nil
	}
	digest, ok := blobDigest(c.Name)
	if !ok || c.Size < 0 || c.Size > most {
		return nil
	}
	r, head, err := newRegion(start, digest, c.Size)
	if err != nil {
		return nil
	}
	there := make([]byte, len(head))
	if _, err := p.file.ReadAt(there, start); err != nil || string(there) != string(head) {
		return nil
	}
	return r
}

// isThere reports whether the file still has its name. Somebody may have deleted it, and another
// process begun its own.
func (p *partial) isThere() (bool, error) {
	if p.private || closeFirst { // nobody else knows it, or can delete it
		return true, nil
	}
	opened, err := p.file.Stat()
	if err != nil {
		return false, err
	}
	now, err := os.Lstat(p.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(opened, now), err
}

// close closes the file, and removes it unless another process can continue it.
func (p *partial) close() error {
	if p.file == nil {
		return nil
	}
	f := p.file
	info, err := f.Stat()
	there, thereErr := p.isThere()
	err = errors.Join(err, thereErr)
	keep := !p.private && !p.useless && err == nil && info.Size() > 0
	p.file = nil
	switch {
	case keep || !there || err != nil:
		return errors.Join(err, f.Close())
	case closeFirst:
		return errors.Join(f.Close(), p.disk.remove(p.path))
	default: // while it is locked, so that nobody else gets a file that is removed
		return errors.Join(p.disk.remove(p.path), f.Close())
	}
}
