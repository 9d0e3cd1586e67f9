package ociarchive

import (
	"archive/tar"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

const (
	// maxBlobs is the number of blobs that an archive may hold. The places of all are remembered, in
	// about 30 MB for that many.
	maxBlobs = 100_000
	// maxHeader is how many bytes may be read to get from the header of one entry to the next.
	// Package tar allows 1 MiB for each of the names and records that an entry may have, and skips
	// the content.
	maxHeader = 4 << 20
)

// The entries of an OCI image layout that are not blobs, and one that tells an archive of docker
// save.
const (
	indexName  = "index.json"
	layoutName = "oci-layout"
	dockerName = "manifest.json"
)

// An entry is where in an archive the content of a file is.
type entry struct {
	offset, size int64
	unusable     string // says why it cannot be read there, if that is so
}

// contents are the entries of an archive that belong to an OCI image layout, by their names.
type contents struct {
	entries map[string]entry
	blobs   int
	beneath string // the directory that holds a layout, if it is not at the top
	any     bool   // there is an entry, if only one that does not belong to a layout
}

// scan reads the headers of an archive of so many bytes. Of several entries with one name the last
// counts, as it does when an archive is extracted. The context is obeyed between two entries.
func scan(ctx context.Context, r io.ReaderAt, size int64) (*contents, error) {
	c := &contents{entries: map[string]entry{}}
	headers := &headerReader{SectionReader: io.NewSectionReader(r, 0, size)}
	archive := tar.NewReader(headers)
	for {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		headers.left = maxHeader
		begin := headers.position()
		h, err := archive.Next()
		switch {
		case err == io.EOF:
			return c, nil
		case errors.Is(err, tar.ErrInsecurePath): // such as ../index.json, which is not in the layout
		case err != nil:
			return nil, c.explain(err, begin)
		}
		c.any = true
		at := entry{offset: headers.position(), size: h.Size}
		if h.Typeflag == tar.TypeReg && !isSparse(h) && h.Size > size-at.offset {
			return nil, c.explain(io.ErrUnexpectedEOF, begin)
		}
		if err := c.note(h, at); err != nil {
			return nil, err
		}
	}
}

// scanOne reads the header at the beginning of r.
func scanOne(r *io.SectionReader) (*tar.Header, error) {
	h, err := tar.NewReader(&headerReader{SectionReader: r, left: maxHeader}).Next()
	if errors.Is(err, tar.ErrInsecurePath) {
		err = nil
	}
	return h, err
}

// explain says what it means that the header after an offset cannot be read.
func (c *contents) explain(err error, offset int64) error {
	switch {
	case errors.Is(err, errHeaderTooLarge):
		return err
	case !c.any && (errors.Is(err, tar.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF)):
		return fmt.Errorf("%w: not a tar archive: %w", errdef.ErrUnsupportedManifest, err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: the archive is cut off: %w", errdef.ErrVerification, err)
	case errors.Is(err, tar.ErrHeader), errors.Is(err, tar.ErrFieldTooLong):
		return fmt.Errorf("%w: the archive is damaged after byte %d: %w", errdef.ErrVerification, offset, err)
	}
	return err
}

// note remembers an entry if it belongs to a layout.
func (c *contents) note(h *tar.Header, at entry) error {
	name, ok := clean(h.Name)
	if !ok {
		return nil
	}
	_, isBlob := blobDigest(name)
	if !isBlob && name != indexName && name != layoutName && name != dockerName {
		const longest = 255 // bytes of a directory's name that is worth showing
		if dir, base := path.Split(name); base == layoutName && len(dir) <= longest {
			c.beneath = dir
		}
		return nil
	}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeCont:
		if isSparse(h) {
			at.unusable = "it is stored as a sparse file; write the archive without that"
		}
	case tar.TypeGNUSparse:
		at.unusable = "it is stored as a sparse file; write the archive without that"
	case tar.TypeLink:
		at = c.linked(h.Linkname)
	case tar.TypeDir:
		return nil
	default:
		at.unusable = "it is no regular file"
	}
	if _, again := c.entries[name]; isBlob && !again {
		c.blobs++
	}
	if c.blobs > maxBlobs {
		return fmt.Errorf("%w: more than %d blobs in one archive", errdef.ErrTooLarge, maxBlobs)
	}
	c.entries[name] = at
	return nil
}

// linked returns the entry that a hard link is to.
func (c *contents) linked(to string) entry {
	name, ok := clean(to)
	if at, known := c.entries[name]; ok && known {
		return at
	}
	return entry{unusable: "it is a hard link to what is no part of the layout, or not before it"}
}

// isSparse reports whether an entry has the PAX records of a sparse file.
func isSparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// clean returns the name of an entry within the layout, without a leading ./ and the like. It
// refuses what would be elsewhere, and what only an unusual program would resolve to the same.
func clean(name string) (string, bool) {
	if strings.HasPrefix(name, "/") || strings.Contains("/"+name+"/", "/../") {
		return "", false
	}
	return path.Clean(name), true
}

// blobName returns the name of a blob's entry.
func blobName(digest v1.Hash) string { return "blobs/" + digest.Algorithm + "/" + digest.Hex }

// blobDigest returns the digest of a blob by the name of its entry.
func blobDigest(name string) (v1.Hash, bool) {
	rest, ok := strings.CutPrefix(name, "blobs/")
	if !ok {
		return v1.Hash{}, false
	}
	algorithm, hex, ok := strings.Cut(rest, "/")
	if !ok {
		return v1.Hash{}, false
	}
	digest, err := v1.NewHash(algorithm + ":" + hex)
	return digest, err == nil
}

// errHeaderTooLarge is returned for an entry whose header takes more than maxHeader.
var errHeaderTooLarge = fmt.Errorf("%w: the header of an entry in a tar archive", errdef.ErrTooLarge)

// A headerReader reads the headers of an archive. Package tar seeks over the content, and reads what
// is part of a header into memory: a list of the holes of a sparse file is one, and has no end.
type headerReader struct {
	*io.SectionReader
	left int
}

func (r *headerReader) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, errHeaderTooLarge
	}
	n, err := r.SectionReader.Read(p[:min(len(p), r.left)])
	r.left -= n
	return n, err
}

// position returns the offset of what is read next.
func (r *headerReader) position() int64 {
	at, err := r.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0 // it never fails
	}
	return at
}

// A stored blob is one that an archive holds.
type stored struct {
	digest v1.Hash
	entry
}

// inOrder returns the blobs in the order they have in the archive.
func (c *contents) inOrder() []stored {
	var all []stored
	for name, at := range c.entries {
		if digest, ok := blobDigest(name); ok {
			all = append(all, stored{digest, at})
		}
	}
	slices.SortFunc(all, func(a, b stored) int {
		return cmp.Or(cmp.Compare(a.offset, b.offset), cmp.Compare(a.digest.String(), b.digest.String()))
	})
	return all
}
