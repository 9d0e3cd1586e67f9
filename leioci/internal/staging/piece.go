package staging

import (
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A Piece is a partial file beside another, for what its download has received from a later offset
// on: a partial file never has a hole. Once the other has grown up to there, the piece is appended
// to it and removed. It is no more to be trusted than the other.
//
// The type is an alias, so that it is the same for packages that do not know this one.
type Piece = interface {
	// Size is the number of bytes it held when it was opened.
	Size() int64
	// ReadAt reads what it holds. Another goroutine may write at the same time.
	io.ReaderAt
	// Write appends.
	io.Writer
	// Close closes it, and keeps it for a later download as long as that is of use to one.
	io.Closer
	// Remove closes and removes it.
	Remove() error
}

// fromInfix separates, in the id of a piece, the id of its partial file from its offset.
const fromInfix = "-from-"

// Beside opens the piece of this partial file that begins at an offset, or creates it. It is private
// where the partial file is, and in the same cases.
func (p *Partial) Beside(offset int64) (Piece, error) {
	id := p.id + fromInfix + strconv.FormatInt(offset, 10)
	if !p.shared {
		return p.dir.private(id)
	}
	return p.dir.Partial(id)
}

// ReadAt implements [io.ReaderAt].
func (p *Partial) ReadAt(b []byte, offset int64) (int, error) { return p.f.ReadAt(b, offset) }

// Pieces returns the offsets, in order, of the pieces that earlier downloads left.
func (p *Partial) Pieces() []int64 {
	if !p.shared {
		return nil
	}
	_, partials, err := p.dir.names.leftovers(p.dir.path)
	if err != nil {
		return nil // what they hold is fetched again
	}
	var offsets []int64
	for _, path := range partials {
		if offset, ok := p.dir.names.offset(path, p.id); ok {
			offsets = append(offsets, offset)
		}
	}
	slices.Sort(offsets)
	return offsets
}

// dropPieces removes the pieces that are not in use. One that cannot be removed is left for a sweep:
// its content does not count unless it is right.
func (p *Partial) dropPieces() {
	for _, offset := range p.Pieces() {
		_ = p.dir.dropPartial(p.path + fromInfix + strconv.FormatInt(offset, 10))
	}
}

// belongs reports whether a path is that of a partial file with the given id, or of a piece of it.
func (n names) belongs(path, id string) bool {
	_, ok := n.offset(path, id)
	return ok || path == n.partialPath(id)
}

// offset returns the offset of a piece of the partial file with the given id.
func (n names) offset(path, id string) (offset int64, ok bool) {
	digits, ok := strings.CutPrefix(filepath.Base(path), n.partial+id+fromInfix)
	if !ok {
		return 0, false
	}
	offset, err := strconv.ParseInt(digits, 10, 64)
	return offset, err == nil && offset > 0 && strconv.FormatInt(offset, 10) == digits
}
