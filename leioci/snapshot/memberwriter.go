package snapshot

import (
	"bytes"
	"errors"
	"io"
	"runtime"

	"github.com/klauspost/compress/gzip"
)

const (
	// newMemberBytes is how much content a gzip member has at most, unless one report is longer.
	// Smaller members let readers begin nearer to a report, but compress worse: 128 KiB by 11 % of
	// one member for all, 256 KiB by 6 %, 512 KiB by 3 %.
	newMemberBytes = 256 << 10
	// memberLevel is that of klauspost's flate, out of 9. With it, members are 2 % larger than
	// a whole file from gzip -6, in as much time of a processor.
	memberLevel = 8
	// maxQueuedBytes is how much content is compressed at once, unless one member is longer.
	maxQueuedBytes = 32 << 20
	// maxQueued is how many members are compressed at once, whatever the number of processors.
	maxQueued = 16
)

// A memberWriter writes lines as gzip members (RFC 1952) that end at line ends, so that each can be
// read on its own. Members are compressed at the same time, and written in order. What they are
// depends on the lines only.
//
// A goroutine ends when its member is compressed, and waits for nothing.
type memberWriter struct {
	w       io.Writer
	n       int64         // bytes written to w
	current *gzipMember   // being filled; nil before its first line
	queue   []*gzipMember // being compressed, the oldest first
	queued  int           // bytes of content in queue
	most    int           // members in queue
	free    []*gzipMember
}

// A gzipMember is a member, before and after it is compressed.
type gzipMember struct {
	content []byte
	packed  bytes.Buffer
	gz      *gzip.Writer
	err     error         // that of compressing
	done    chan struct{} // receives one value when packed is complete
}

func newMemberWriter(w io.Writer) *memberWriter {
	return &memberWriter{w: w, most: min(runtime.GOMAXPROCS(0), maxQueued)}
}

// add adds a line, given without its newline.
func (m *memberWriter) add(line []byte) error {
	if m.current != nil && len(m.current.content)+len(line)+1 > newMemberBytes {
		if err := m.start(); err != nil {
			return err
		}
	}
	if m.current == nil {
		if err := m.take(); err != nil {
			return err
		}
	}
	m.current.content = append(append(m.current.content, line...), '\n')
	return nil
}

// take makes a member current.
func (m *memberWriter) take() error {
	if last := len(m.free) - 1; last >= 0 {
		m.current, m.free = m.free[last], m.free[:last]
		return nil
	}
	gz, err := gzip.NewWriterLevel(nil, memberLevel)
	m.current = &gzipMember{content: make([]byte, 0, newMemberBytes), gz: gz, done: make(chan struct{}, 1)}
	return err
}

// start begins to compress the current member.
func (m *memberWriter) start() error {
	next := m.current
	for len(m.queue) >= m.most || len(m.queue) > 0 && m.queued+len(next.content) > maxQueuedBytes {
		if err := m.finishOldest(); err != nil {
			return err
		}
	}
	m.current = nil
	m.queue = append(m.queue, next)
	m.queued += len(next.content)
	go next.compress()
	return nil
}

func (m *gzipMember) compress() {
	m.packed.Reset()
	m.gz.Reset(&m.packed)
	_, err := m.gz.Write(m.content)
	m.err = errors.Join(err, m.gz.Close())
	m.done <- struct{}{} // there is room for it
}

// finishOldest writes the first member of the queue.
func (m *memberWriter) finishOldest() error {
	oldest := m.queue[0]
	<-oldest.done
	m.queue = append(m.queue[:0], m.queue[1:]...)
	m.queued -= len(oldest.content)
	if oldest.err != nil {
		return oldest.err
	}
	n, err := m.w.Write(oldest.packed.Bytes())
	m.n += int64(n)
	if cap(oldest.content) <= newMemberBytes {
		oldest.content = oldest.content[:0]
		m.free = append(m.free, oldest)
	}
	return err
}

// finish writes what is left. Without any lines, it writes one empty member: a gzip file has at
// least one.
func (m *memberWriter) finish() error {
	if m.current == nil && m.n == 0 && len(m.queue) == 0 {
		if err := m.take(); err != nil {
			return err
		}
	}
	if m.current != nil {
		if err := m.start(); err != nil {
			return err
		}
	}
	for len(m.queue) > 0 {
		if err := m.finishOldest(); err != nil {
			return err
		}
	}
	return nil
}

// abandon waits until nothing is compressed any more.
func (m *memberWriter) abandon() {
	for _, started := range m.queue {
		<-started.done
	}
	m.queue, m.current, m.free = nil, nil, nil
}
