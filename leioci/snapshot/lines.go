package snapshot

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
)

// MaxLineBytes is the longest line that is read, in bytes without the newline.
const MaxLineBytes = 16 << 20

// lineBufferBytes is the length up to which lines are not copied. Reports are some kilobytes long.
const lineBufferBytes = 64 << 10

// lines reads the lines of a cache file, without their newlines.
type lines struct {
	content *uncompressed
	r       *bufio.Reader
	long    []byte // a line that does not fit r's buffer
	count   int64  // lines read so far
}

// lines starts at the first line.
func (s *Snapshot) lines(ctx context.Context) *lines {
	content := &uncompressed{ctx: ctx, file: io.NewSectionReader(s.cache, 0, s.size), limit: s.meta.RawSize}
	return &lines{content: content, r: bufio.NewReaderSize(content, lineBufferBytes)}
}

// next returns the next line, which is valid until the call after; a last line without a newline is one too.
// After the last line the error is io.EOF.
func (l *lines) next() ([]byte, error) {
	// Many lines are read from one buffer, without a look at the context below.
	if err := ended(l.content.ctx); err != nil {
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
			l.keep(line)
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
		l.keep(line)
		return l.long, nil
	}
}

// keep adds to the long line. It grows the buffer itself, since append may make it larger than any line can be.
func (l *lines) keep(chunk []byte) {
	if need := len(l.long) + len(chunk); need > cap(l.long) {
		grown := make([]byte, len(l.long), min(max(need, 2*cap(l.long)), MaxLineBytes))
		copy(grown, l.long)
		l.long = grown
	}
	l.long = append(l.long, chunk...)
}
