package registry

import (
	"container/list"
	"sync"
)

// maxRemembered is how many sessions, rotated identity tokens and hosts a client remembers. A
// long-lived client may be asked for any number of repositories.
const maxRemembered = 256

// An lru is a map that forgets what was not used for the longest time, once it holds more than
// maxRemembered values. It is safe for concurrent use. The zero value is empty.
type lru[K comparable, V any] struct {
	mu      sync.Mutex
	entries map[K]*list.Element
	order   list.List // of *lruEntry; the most recently used one in front
}

type lruEntry[K comparable, V any] struct {
	key   K
	value V
}

// get returns the value for key, from create if there is none.
func (l *lru[K, V]) get(key K, create func() V) V {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.entries[key]; ok {
		l.order.MoveToFront(e)
		return e.Value.(*lruEntry[K, V]).value
	}
	if l.entries == nil {
		l.entries = map[K]*list.Element{}
	}
	entry := &lruEntry[K, V]{key, create()}
	l.entries[key] = l.order.PushFront(entry)
	if len(l.entries) > maxRemembered {
		oldest := l.order.Remove(l.order.Back()).(*lruEntry[K, V])
		delete(l.entries, oldest.key)
	}
	return entry.value
}
