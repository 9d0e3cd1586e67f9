package ociarchive

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"math"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

const blockSize = 512 // of a tar archive

// A region is the place of a blob in a partial archive: its header, its content, and what fills the
// last block.
type region struct {
	digest       v1.Hash
	start        int64 // of the header
	offset, size int64 // of the content
	held         int64 // how much of the content is there; as much as size if it is verified
	whole        bool  // verified
	wanted       bool  // to be in the new archive, rather than left by another copy
}

// newRegion returns the region of a blob that begins at an offset, and its header.
func newRegion(start int64, digest v1.Hash, size int64) (*region, []byte, error) {
	head, err := header(blobName(digest), size)
	if err != nil {
		return nil, nil, err
	}
	r := &region{digest: digest, start: start, offset: start + int64(len(head)), size: size}
	if size > math.MaxInt64-blockSize-r.offset {
		return nil, nil, fmt.Errorf("%w: %s of %d bytes in a tar archive", errdef.ErrTooLarge, digest, size)
	}
	return r, head, nil
}

// end returns where the next region begins.
func (r *region) end() int64 { return padded(r.offset + r.size) }

// padded returns the end of the block that an entry ends in.
func padded(offset int64) int64 { return (offset + blockSize - 1) / blockSize * blockSize }

// header returns the header of an entry, which is the same for the same name and size.
func header(name string, size int64) ([]byte, error) {
	var b bytes.Buffer
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644}
	if err := tar.NewWriter(&b).WriteHeader(h); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// A filling is a region that a blob is downloaded to. It implements [store.Partial].
type filling struct {
	*partial
	region *region
	begun  int64 // how much was there when it was opened
}

func (p *partial) open(r *region) *filling { return &filling{p, r, r.held} }

// Size returns how much of the blob was there.
func (f *filling) Size() int64 { return f.begun }

// Content reads that.
func (f *filling) Content() io.Reader { return io.NewSectionReader(f.file, f.region.offset, f.begun) }

// Write appends to what is there. What would not fit is refused: it would be in the next region.
func (f *filling) Write(b []byte) (int, error) {
	r := f.region
	if int64(len(b)) > r.size-r.held {
		return 0, fmt.Errorf("%w: %s is longer than its %d bytes", errdef.ErrVerification, r.digest, r.size)
	}
	n, err := f.writeAt(b, r.offset+r.held)
	r.held += int64(n)
	return n, err
}

// Reset empties the region. If it is the last one, the file ends in it, so that a later process
// knows how much there is.
func (f *filling) Reset() error {
	f.begun, f.region.held = 0, 0
	if f.last() != f.region {
		return nil
	}
	return f.file.Truncate(f.region.offset)
}
