package registry_test

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
)

var errDiskFull = errors.New("disk full")

// A divisible is a partial file in memory that has pieces beside it.
type divisible struct {
	partial
	mu     sync.Mutex
	pieces map[int64]*memoryPiece
	full   func(beside bool) bool // reports whether there is no room to write; may be nil
}

func (d *divisible) Write(b []byte) (int, error) {
	if d.isFull(false) {
		return 0, errDiskFull
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.partial.Write(b)
}

func (d *divisible) isFull(beside bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.full != nil && d.full(beside)
}

func (d *divisible) Reset() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pieces = nil
	return d.partial.Reset()
}

// size is how much is in the file and its pieces.
func (d *divisible) size() int {
	size := len(d.before) + d.now.Len()
	for _, p := range d.pieces {
		size += len(p.content)
	}
	return size
}

// reopen makes what the file holds that from before.
func (d *divisible) reopen() {
	d.before = d.holds()
	d.now = bytes.Buffer{}
}

func (d *divisible) Pieces() []int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(maps.Keys(d.pieces))
}

func (d *divisible) Beside(offset int64) (registry.Piece, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pieces[offset] == nil {
		if d.pieces == nil {
			d.pieces = map[int64]*memoryPiece{}
		}
		d.pieces[offset] = &memoryPiece{of: d, offset: offset}
	}
	p := d.pieces[offset]
	p.size, p.open = len(p.content), true
	return p, nil
}

// left says what is wrong with the pieces after a download: those that are open, and with none those
// that are there.
func (d *divisible) left(none bool) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.pieces {
		if p.open {
			return "a piece is open"
		}
	}
	if none && len(d.pieces) > 0 {
		return "there are pieces left"
	}
	return ""
}

type memoryPiece struct {
	of      *divisible
	offset  int64
	content []byte
	size    int
	open    bool
}

func (p *memoryPiece) Size() int64 { return int64(p.size) }

func (p *memoryPiece) ReadAt(b []byte, offset int64) (int, error) {
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	return bytes.NewReader(p.content).ReadAt(b, offset)
}

func (p *memoryPiece) Write(b []byte) (int, error) {
	if p.of.isFull(true) {
		return 0, errDiskFull
	}
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	p.content = append(p.content, b...)
	return len(b), nil
}

func (p *memoryPiece) Close() error {
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	p.open = false
	if len(p.content) == 0 {
		delete(p.of.pieces, p.offset)
	}
	return nil
}

func (p *memoryPiece) Remove() error {
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	p.open = false
	delete(p.of.pieces, p.offset)
	return nil
}
