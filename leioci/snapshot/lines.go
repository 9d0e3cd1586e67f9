package snapshot

import (
	"bytes"
	"context"
	"fmt"
	"io"
)

// MaxLineBytes is the length of the longest line that is read, in bytes without the newline.
const MaxLineBytes = 16 << 20

// lines reads the lines of a cache file, without their newlines.
type lines struct {
	ctx    context.Context
	source chunks
	rest   []byte // of the chunk that was read last
	err    error  // what follows that chunk
	long   []byte // a line that more than one chunk has a part of
	count  int64  // lines read so far
	start  int64  // where the last of them is in the content
	end    int64  // where the next one is
}

// lines returns a reader positioned at the first line. The caller must close it, which also
// completes what the pass is for.
func (s *Snapshot) lines(ctx context.Context, pass pass) *lines {
	return &lines{ctx: ctx, source: s.chunks(ctx, pass)}
}

// close ends the reading.
func (l *lines) close() { l.source.close() }

// next returns the next line, which is valid until the following call. The last line needs no
// newline. After it, the error is io.EOF.
func (l *lines) next() ([]byte, error) {
	// Reading from the file checks the context, but many lines come from one buffer.
	if err := contextErr(l.ctx); err != nil {
		return nil, err
	}
	l.long = l.long[:0]
	l.start = l.end
	for {
		line, rest, found := bytes.Cut(l.rest, []byte("\n"))
		l.rest = rest
		if l.end += int64(len(line)); found {
			l.end++
		}
		if len(l.long)+len(line) > MaxLineBytes {
			return nil, fmt.Errorf("%w of %d bytes", ErrTooLarge, MaxLineBytes)
		}
		if found && len(l.long) == 0 {
			l.count++
			return line, nil
		}
		l.appendLong(line)
		switch {
		case found, l.err == io.EOF && len(l.long) > 0:
			l.count++
			return l.long, nil
		case l.err != nil:
			return nil, l.err
		}
		l.rest, l.err = l.source.next()
	}
}

// appendLong appends to the long line. It grows the buffer itself, because append could make it
// larger than the longest line allowed.
func (l *lines) appendLong(part []byte) {
	if need := len(l.long) + len(part); need > cap(l.long) {
		grown := make([]byte, len(l.long), min(max(need, 2*cap(l.long)), MaxLineBytes))
		copy(grown, l.long)
		l.long = grown
	}
	l.long = append(l.long, part...)
}
