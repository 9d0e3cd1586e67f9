package stall

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// checksPerTimeout is how often the progress of a request is checked within a timeout. So a stall
// is noticed at most a tenth of the timeout late.
const checksPerTimeout = 10

// A watch ends a request on which nothing moves. Once there is a response, it is the response's
// body, whose reads are each limited in time: what its reader does between two of them does not
// count. There is one for each request, with one timer, because a pull of small blobs consists of
// little but requests.
type watch struct {
	ctx             context.Context // of the request
	cancel          context.CancelCauseFunc
	timeout, answer time.Duration
	upload          progress
	body            io.ReadCloser // of the response

	mu       sync.Mutex // whoever holds it may end the request
	timer    *time.Timer
	phase    phase
	sent     int64     // how much of the request was sent,
	progress time.Time // and since when; in the response, when the read began
}

// A phase is what a request waits for.
type phase int

const (
	sending phase = iota // the network, or the response
	idle                 // its reader
	reading              // the response's body
)

// start begins to watch the request being sent.
func (w *watch) start() {
	w.mu.Lock() // the timer may fire at once
	defer w.mu.Unlock()
	w.sent, w.progress = w.upload.bytes(), time.Now()
	w.timer = time.AfterFunc(w.interval(), w.check)
}

func (w *watch) interval() time.Duration {
	return max(min(w.timeout, w.answer)/checksPerTimeout, time.Millisecond)
}

// answered says that the request ended, or has a response. From then on, it is not ended for what
// it did before.
func (w *watch) answered() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.phase = idle
	w.timer.Stop()
}

// check cancels the request if the network accepts nothing for the timeout, if all was sent and no
// response comes, or if a read takes too long.
func (w *watch) check() {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch w.phase {
	case sending:
		w.checkSending()
	case reading:
		if time.Since(w.progress) >= w.timeout { // or it is a later read than the timer was set for
			w.stalled("no data received", w.timeout)
		}
	case idle: // since the timer fired
	}
}

func (w *watch) checkSending() {
	now := w.upload.bytes()
	limit, waitsFor := w.timeout, "no data accepted"
	if w.upload.sent() {
		limit, waitsFor = w.answer, "no response"
	}
	switch {
	case now != w.sent, w.upload.waiting():
		w.sent, w.progress = now, time.Now()
	case time.Since(w.progress) >= limit:
		w.stalled(waitsFor, limit)
		return
	}
	w.timer.Reset(w.interval())
}

func (w *watch) stalled(waitsFor string, limit time.Duration) {
	w.cancel(fmt.Errorf("%w: %s for %v", errdef.ErrStalled, waitsFor, limit))
}

// Read implements [io.Reader].
func (w *watch) Read(p []byte) (int, error) {
	w.enter(reading)
	n, err := w.body.Read(p)
	w.enter(idle)
	if err != nil && err != io.EOF {
		err = stallOr(w.ctx, err)
	}
	return n, err
}

func (w *watch) enter(next phase) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.phase = next; next == idle {
		w.timer.Stop()
		return
	}
	w.progress = time.Now()
	w.timer.Reset(w.timeout)
}

// Close implements [io.Closer].
func (w *watch) Close() error {
	w.enter(idle)
	err := w.body.Close()
	w.cancel(nil)
	return err
}
