package progress

import (
	"fmt"
	"io"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// A Blob is one of a [Tracker]. It is safe for concurrent use.
type Blob struct {
	tracker *Tracker

	mu      sync.Mutex
	state   State
	place   fmt.Stringer
	sending int                   // how often the content was opened to be sent
	offset  func() (int64, error) // of what is being sent, where nobody counts that; may be nil
	pending bool                  // the state is to be told
}

// change changes the state, and lets that be told.
func (b *Blob) change(do func()) {
	b.mu.Lock()
	do()
	b.pending = true
	b.mu.Unlock()
	b.tracker.notice()
}

// Enter says what is being done now.
func (b *Blob) Enter(phase Phase) {
	if b != nil {
		b.change(func() { b.state.Phase = phase })
	}
}

// Know says which digest the blob has.
func (b *Blob) Know(digest v1.Hash) {
	if b != nil {
		b.change(func() { b.state.Digest = digest })
	}
}

// From says where the content is read from, or written to.
func (b *Blob) From(place fmt.Stringer) {
	if b != nil {
		b.change(func() { b.place = place })
	}
}

// Set says how many bytes there are, and how many of them were there before.
func (b *Blob) Set(done, resumed int64) {
	if b != nil {
		b.change(func() { b.state.Done, b.state.Resumed = done, resumed })
	}
}

// Finish says that nothing remains to be done, by a phase that is final, and which digest that is
// about.
func (b *Blob) Finish(phase Phase, digest v1.Hash) {
	if b != nil {
		b.change(func() {
			b.state.Phase, b.state.Digest, b.offset = phase, digest, nil
			if b.state.Total >= 0 {
				b.state.Done = b.state.Total
			}
		})
	}
}

// Send says that a content is about to be sent from the beginning of the blob, and returns it as a
// reader that counts.
func (b *Blob) Send(content io.ReadCloser) io.ReadCloser {
	if b == nil {
		return content
	}
	return &sent{content, b, b.send(nil), 0}
}

// SendFrom says that a content is about to be sent which must not be wrapped. offset says how far
// that has got, and is asked now and then. An error says that this is over.
func (b *Blob) SendFrom(offset func() (int64, error)) {
	if b != nil {
		b.send(offset)
	}
}

func (b *Blob) send(offset func() (int64, error)) (number int) {
	b.change(func() {
		b.state.Phase, b.state.Done, b.state.Resumed, b.offset = Uploading, 0, 0, offset
		b.sending++
		number = b.sending
	})
	return number
}

// sent is a content that is being sent.
type sent struct {
	io.ReadCloser
	blob   *Blob
	number int
	n      int64
}

// Read implements [io.Reader]. A request that was given up may read on after the next has begun.
func (s *sent) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	if n > 0 {
		s.n += int64(n)
		s.blob.change(func() {
			if s.number == s.blob.sending {
				s.blob.state.Done = s.n
			}
		})
	}
	return n, err
}

// toTell returns the state, whether it is to be told, and whether to ask again soon.
func (b *Blob) toTell() (state State, pending, moving bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.look()
	pending, moving = b.pending && b.state.Phase != 0, b.offset != nil
	if !pending {
		return State{}, false, moving
	}
	b.pending = false
	state = b.state
	if state.Total >= 0 { // whoever sends too much is found out elsewhere
		state.Done = min(state.Done, state.Total)
	}
	if b.place != nil {
		state.Place = b.place.String()
	}
	return state, true, moving
}

// look finds out how far the sending has got. A file that was closed was sent, or is sent again.
func (b *Blob) look() {
	if b.offset == nil {
		return
	}
	if n, err := b.offset(); err == nil && n != b.state.Done {
		b.state.Done, b.pending = n, true
	}
}
