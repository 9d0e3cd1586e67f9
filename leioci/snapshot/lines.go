package snapshot

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
)

// MaxLineBytes is the length of the longest line that is read, in bytes without the newline.
const MaxLineBytes = 16 << 20

// lineBufferBytes is the length up to which lines are not copied. Reports are a few kilobytes long.
const lineBufferBytes = 64 << 10

// lines reads the lines of a cache file, without their newlines.
type lines struct {
	content *uncompressed
	r       *bufio.Reader
	long    []byte // a line that does not fit r's buffer
	count   int64  // lines read so far
}

// lines returns a reader positioned at the first line.
func (s *Snapshot) lines(ctx context.Context) *lines {
	content := &uncompressed{ctx: ctx, file: s.cache.content(), limit: s.meta.RawSize}
	return &lines{content: content, r: bufio.NewReaderSize(content, lineBufferBytes)}
}

// next returns the next line, which is valid until the following call. The last line needs no
// newline. After it, the error is io.EOF.
func (l *lines) next() ([]byte, error) {
	// Reading from the file checks the context, but many lines come from one buffer.
	if err := contextErr(l.content.ctx); err != nil {
		return nil, err
	}
	l.long = l.long[:0]
	for {
		chunk, err := l.r.ReadSlice('\n')
		line := bytes.TrimSuffix(chunk, []byte("\n"))
		if len(l.long)+len(line) > MaxLineBytes {
			return nil, fmt.Errorf("%w of %d bytes", ErrTooLarge, MaxLineBytes)
		}
		switch {
		case err == bufio.ErrBufferFull:
			l.appendLong(line)
			continue
		case err == io.EOF && len(l.long)+len(chunk) == 0:
			return nil, io.EOF
		case err != nil && err != io.EOF:
			return nil, err
		}
		l.count++
		if len(l.long) == 0 {
			return line, nil
		}
		l.appendLong(line)
		return l.long, nil
	}
}

// appendLong appends to the long line. It grows the buffer itself, because append could make it
// larger than the longest line allowed.
func (l *lines) appendLong(chunk []byte) {
	if need := len(l.long) + len(chunk); need > cap(l.long) {
		grown := make([]byte, len(l.long), min(max(need, 2*cap(l.long)), MaxLineBytes))
		copy(grown, l.long)
		l.long = grown
	}
	l.long = append(l.long, chunk...)
}
