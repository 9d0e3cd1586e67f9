package main

import (
	"bufio"
	"errors"
	"strings"
)

// A lineReader gives no more than one line at a time. So who reads only what is needed next is in the
// line of that number.
type lineReader struct {
	r     *bufio.Reader
	n     int
	first byte
	rest  []byte // of a line, valid until r is read again
	mid   bool   // the line goes on after rest
	err   error
}

func (l *lineReader) Read(p []byte) (int, error) {
	if len(l.rest) == 0 && l.err == nil {
		l.next()
	}
	if len(l.rest) == 0 {
		return 0, l.err
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

// next reads on to the end of a line, or as far as the buffer goes.
func (l *lineReader) next() {
	if !l.mid {
		l.n++
	}
	l.rest, l.err = l.r.ReadSlice('\n')
	if l.mid = errors.Is(l.err, bufio.ErrBufferFull); l.mid {
		l.err = nil
	}
	if l.n == 1 && l.first == 0 {
		if line := strings.TrimLeft(strings.TrimPrefix(string(l.rest), "\ufeff"), " \t\r\n"); line != "" {
			l.first = line[0]
		}
		l.rest = []byte(strings.TrimPrefix(string(l.rest), "\ufeff"))
	}
}
