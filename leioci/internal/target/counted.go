package target

import (
	"fmt"
	"sync"

	"github.com/lowendinsight/lei-go/leioci/internal/progress"
	"github.com/lowendinsight/lei-go/leioci/internal/staging"
)

// counted is a partial file that tells how much of a blob is there: in the file, and in the pieces
// beyond its end. So what came ahead counts when it comes, and once.
type counted struct {
	Partial
	told *progress.Blob

	mu      sync.Mutex
	end     int64           // of the file
	pieces  map[int64]int64 // the bytes in each, by its offset
	resumed int64
}

// count returns part, or, if somebody is told, one that counts.
func count(part Partial, told *progress.Blob) Partial {
	if told == nil {
		return part
	}
	c := &counted{Partial: part, told: told, end: part.Size(), resumed: part.Size(), pieces: map[int64]int64{}}
	c.tell()
	told.Enter(progress.Fetching)
	return c
}

// From is told where the content is read from.
func (c *counted) From(place fmt.Stringer) { c.told.From(place) }

// Write appends.
func (c *counted) Write(b []byte) (int, error) {
	n, err := c.Partial.Write(b)
	c.change(func() { c.end += int64(n) })
	return n, err
}

// Reset empties the file, and removes its pieces.
func (c *counted) Reset() error {
	err := c.Partial.Reset()
	c.change(func() {
		c.end, c.resumed = 0, 0
		clear(c.pieces)
	})
	return err
}

// Beside opens a piece, or creates it.
func (c *counted) Beside(offset int64) (staging.Piece, error) {
	piece, err := c.Partial.Beside(offset)
	if err != nil {
		return nil, err
	}
	c.change(func() {
		if _, known := c.pieces[offset]; !known {
			c.resumed += piece.Size()
		}
		c.pieces[offset] = piece.Size()
	})
	return &countedPiece{piece, c, offset}, nil
}

// change changes what is there, and tells it.
func (c *counted) change(do func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	do()
	c.tell()
}

func (c *counted) tell() {
	done := c.end
	for begin, n := range c.pieces {
		done += max(0, begin+n-max(begin, c.end))
	}
	c.told.Set(done, min(c.resumed, done))
}

// countedPiece is a piece of a counted file.
type countedPiece struct {
	staging.Piece
	of     *counted
	offset int64
}

// Write appends.
func (p *countedPiece) Write(b []byte) (int, error) {
	n, err := p.Piece.Write(b)
	p.of.change(func() { p.of.pieces[p.offset] += int64(n) })
	return n, err
}

// Remove closes and removes it.
func (p *countedPiece) Remove() error {
	p.of.change(func() { delete(p.of.pieces, p.offset) })
	return p.Piece.Remove()
}
