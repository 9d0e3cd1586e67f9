package leioci_test

import (
	"bytes"
	"sync"
)

// A logBuffer is where a logger writes. It may be read while somebody still writes: a request that
// lost to another may end, and log that, after the call that sent it.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements [io.Writer].
func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String returns what was written so far.
func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
