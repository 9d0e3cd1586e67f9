package snapshot

import (
	"sync"

	"github.com/klauspost/compress/flate"
)

const (
	// markBytes is how far marks within a member are apart, as far as its blocks allow.
	markBytes = 256 << 10
	// memberBytes is how far they are apart where a member begins, which costs little.
	memberBytes = 64 << 10
)

// A mark is a place in a cache file where decompressing can begin: the start of a member's data, or
// that of a block within it, which needs what comes before.
type mark struct {
	content int64 // where it is in the content
	file    int64 // where it is in the file
	bit     uint8 // of the byte there
	window  []byte
}

// A marker collects marks while a file is read, which may be ahead of who asks for them.
type marker struct {
	mu     sync.Mutex
	marks  []mark
	next   int64 // no mark within a member before this
	last   int64
	costly bool // the last has a window, or there is none
}

func newMarker() *marker { return &marker{costly: true} }

// member is told where the data of a member begins.
func (m *marker) member(content, file int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.costly || content-m.last >= memberBytes {
		m.add(mark{content: content, file: file})
	}
}

// block is told where a member can be resumed, if the member began at these places.
func (m *marker) block(content, file int64, p flate.InflateCheckpoint) {
	m.mu.Lock()
	defer m.mu.Unlock()
	content += p.UncompressedOffset
	if !p.Final && content >= m.next {
		window := append([]byte(nil), p.Window...)
		m.add(mark{content: content, file: file + p.CompressedOffset, bit: p.BitOffset, window: window})
	}
}

func (m *marker) add(mark mark) {
	m.marks = append(m.marks, mark)
	m.last, m.next, m.costly = mark.content, mark.content+markBytes, mark.window != nil
}

// before returns the last mark that is not beyond a place in the content, and whether it is another
// than that of the call before. The places of successive calls must ascend.
func (m *marker) before(content int64) (found mark, another bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for n+1 < len(m.marks) && m.marks[n+1].content <= content {
		n++
	}
	m.marks = m.marks[n:]
	return m.marks[0], n > 0
}
