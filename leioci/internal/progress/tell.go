package progress

import "time"

// run tells what changes, until the end.
func (t *Tracker) run() {
	defer close(t.told)
	defer func() { t.panicked = recover() }()
	for {
		ended := t.await()
		sending := false // in a way that nobody counts
		for _, b := range t.all() {
			state, pending, moving := b.toTell()
			sending = sending || moving
			if pending && !t.tell(state) {
				return
			}
		}
		if ended {
			return
		}
		t.pause()
		if sending {
			t.notice()
		}
	}
}

// await waits until there is something to tell, or may be, and reports whether that is the last.
func (t *Tracker) await() (ended bool) {
	select {
	case <-t.ended:
		return true
	case <-t.changed:
	}
	select {
	case <-t.ended: // since then
		return true
	default:
		return false
	}
}

// pause lets changes add up.
func (t *Tracker) pause() {
	timer := time.NewTimer(interval)
	defer timer.Stop()
	select {
	case <-t.ended:
	case <-timer.C:
	}
}

// tell tells the listener, and reports whether it may be told more.
func (t *Tracker) tell(state State) bool {
	select {
	case t.listener.turn <- struct{}{}:
	case <-t.abandoned:
		return false
	}
	defer func() { <-t.listener.turn }()
	select {
	case <-t.abandoned:
		return false
	default:
		t.listener.tell(state)
		return true
	}
}

func (t *Tracker) all() []*Blob {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.order[:len(t.order):len(t.order)]
}
