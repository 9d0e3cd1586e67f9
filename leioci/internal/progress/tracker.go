// Package progress tells a caller how a transfer gets on, without ever holding it up.
//
// What is told is the latest state of each blob: a state that is outdated before it could be told is
// not told at all. A nil *[Tracker] and a nil *[Blob] do nothing, at no cost.
package progress

import (
	"sync"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

const (
	// interval is the least time between two states of a blob that are told.
	interval = 50 * time.Millisecond
	// Patience is how long a call that has ended waits for its listener.
	Patience = time.Second
)

// A Listener is a function that is told states, by one Tracker at a time.
type Listener struct {
	tell func(State)
	turn chan struct{} // holds something while tell runs
}

// NewListener returns a listener that calls tell.
func NewListener(tell func(State)) *Listener { return &Listener{tell, make(chan struct{}, 1)} }

// Begin returns a tracker for one call. It must be ended, unless nothing has happened to a blob.
func (l *Listener) Begin() *Tracker {
	return &Tracker{
		listener: l, blobs: map[key]*Blob{},
		changed: make(chan struct{}, 1), ended: make(chan struct{}), abandoned: make(chan struct{}), told: make(chan struct{}),
	}
}

// A Tracker keeps the states of the blobs of one call, and tells a listener. It is safe for
// concurrent use.
type Tracker struct {
	listener *Listener

	mu    sync.Mutex
	blobs map[key]*Blob
	order []*Blob

	start     sync.Once     // of the goroutine that tells
	changed   chan struct{} // holds something if there is something to tell
	ended     chan struct{} // closed when nothing more will change
	abandoned chan struct{} // closed when it is too late to tell more
	told      chan struct{} // closed when nothing more will be told
	panicked  any           // after told; what the listener panicked with
}

type key struct {
	name   string
	digest v1.Hash
}

// maxBlobs is how many blobs are remembered. Nobody looks at more, and how many there are is up to
// others.
const maxBlobs = 10_000

// Blob returns the blob with a name and a digest, which may be zero, and a number of bytes. It is
// the same for the same name and digest. Nothing is told of it before it has a phase. It is nil if
// there are 10,000 others.
func (t *Tracker) Blob(name string, digest v1.Hash, size int64) *Blob {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	k := key{name, digest}
	b := t.blobs[k]
	if b == nil && len(t.order) < maxBlobs {
		b = &Blob{tracker: t, state: State{Blob: len(t.order) + 1, Name: name, Digest: digest, Total: size}}
		t.blobs[k] = b
		t.order = append(t.order, b)
	}
	return b
}

// notice says that there is something to tell.
func (t *Tracker) notice() {
	select {
	case t.changed <- struct{}{}:
	default: // it has been said
	}
	t.start.Do(func() { go t.run() })
}

// End waits until the last state of each blob was told, but no longer than [Patience]. After that,
// nothing more is told. If the listener panicked, so does End, with the same value: that is the
// caller's to see, and not the end of its process.
func (t *Tracker) End() {
	if t == nil {
		return
	}
	close(t.ended)
	t.start.Do(func() { close(t.told) }) // there was nothing
	timer := time.NewTimer(Patience)
	defer timer.Stop()
	select {
	case <-t.told:
		if t.panicked != nil {
			panic(t.panicked)
		}
	case <-timer.C:
		close(t.abandoned)
	}
}
