package snapshot

const (
	// aheadChunks is how many chunks are in memory at once.
	aheadChunks = 4
	// aheadChunkBytes is the size of each.
	aheadChunkBytes = 256 << 10
)

// ahead reads chunks in a goroutine of its own, so that a line can be looked at while the next one
// is decompressed. If the content is to be hashed, another goroutine does that. A chunk goes round:
// free, full, used, free. No send blocks, because each channel has room for all chunks.
type ahead struct {
	content *uncompressed
	full    chan filled // closed after the last
	used    chan []byte
	free    chan []byte
	last    []byte // what next returned last
	closed  bool
}

// filled is a chunk and the error that follows it.
type filled struct {
	data []byte
	err  error
}

// newAhead starts the goroutines. close ends them.
func newAhead(content *uncompressed, hash *contentHash) *ahead {
	a := &ahead{content: content, full: make(chan filled, aheadChunks), free: make(chan []byte, aheadChunks)}
	for range aheadChunks {
		a.free <- nil // made when it is needed
	}
	go a.read()
	if a.used = a.free; hash != nil {
		a.used = make(chan []byte, aheadChunks)
		go a.hash(hash)
	}
	return a
}

// read fills chunks until there is an error.
func (a *ahead) read() {
	defer close(a.full)
	for buf := range a.free {
		if buf == nil {
			buf = make([]byte, aheadChunkBytes)
		}
		n, err := a.content.fill(buf[:aheadChunkBytes])
		a.full <- filled{buf[:n], err}
		if err != nil {
			return
		}
	}
}

// hash hashes chunks that have been used.
func (a *ahead) hash(hash *contentHash) {
	defer close(a.free)
	for buf := range a.used {
		hash.write(buf)
		a.free <- buf
	}
}

func (a *ahead) next() ([]byte, error) {
	a.recycle()
	c := <-a.full
	a.last = c.data
	return c.data, c.err
}

// recycle gives the last chunk back.
func (a *ahead) recycle() {
	if a.last != nil {
		a.used <- a.last
		a.last = nil
	}
}

func (a *ahead) size() int64 { return a.content.n }

func (a *ahead) close() {
	if a.closed {
		return
	}
	a.closed = true
	a.recycle()
	a.content.stopped.Store(true)
	close(a.used)
	for range a.full { //nolint:revive // until it is closed
	}
	for range a.free { //nolint:revive // until it is closed
	}
}
