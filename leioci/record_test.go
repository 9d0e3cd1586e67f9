package leioci_test

import "sync"

// A record is what handlers have seen, in order. It may be read while requests are served: one may
// be served still when the call that sent it has returned.
type record[T any] struct {
	mu  sync.Mutex
	all []T
}

func (r *record[T]) add(seen T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, seen)
}

// take returns what was added since the last time.
func (r *record[T]) take() []T {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.all
	r.all = nil
	return all
}
