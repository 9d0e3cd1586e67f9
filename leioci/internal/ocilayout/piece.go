package ocilayout

import (
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/lowendinsight/lei-go/leioci/internal/staging"
)

// fromInfix separates, in the name of a piece, the name of its partial file from its offset.
const fromInfix = "-from-"

// A piece is what a download has received from a later offset on, beside the partial file. Registries
// that serve one stream slowly are read in several. It implements [staging.Piece].
type piece struct{ *partial }

// Close closes the piece and keeps it, if a later download can use it.
func (p piece) Close() error { return p.leave() }

// Beside opens the piece that begins at an offset, or creates it.
func (p *partial) Beside(offset int64) (staging.Piece, error) {
	open := p.w.openPrivate
	if p.shared {
		open = func() (*partial, error) { return p.w.openShared(p.pieceName(offset)) }
	}
	beside, err := open()
	if err != nil {
		return nil, err
	}
	return piece{beside}, nil
}

func (p *partial) pieceName(offset int64) string {
	return p.name + fromInfix + strconv.FormatInt(offset, 10)
}

// Pieces returns the offsets, in order, of the pieces that earlier downloads left.
func (p *partial) Pieces() []int64 {
	entries, err := os.ReadDir(p.w.path(ingestDir))
	if err != nil || !p.shared {
		return nil // what they hold is fetched again
	}
	var offsets []int64
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), path.Base(p.name)+fromInfix)
		offset, err := strconv.ParseInt(digits, 10, 64)
		if ok && err == nil && offset > 0 && strconv.FormatInt(offset, 10) == digits {
			offsets = append(offsets, offset)
		}
	}
	slices.Sort(offsets)
	return offsets
}

// dropPieces removes the pieces that are not in use. One that cannot be removed is left for a sweep:
// its content does not count unless it is right.
func (p *partial) dropPieces() {
	for _, offset := range p.Pieces() {
		if f, err := staging.OpenExclusive(p.w.path(p.pieceName(offset))); err == nil {
			_ = f.Remove()
		}
	}
}
