package jsonstream

import "io"

// A recording keeps what a Reader reads, without the white space between values.
type recording struct {
	on               bool
	from             int // what of the buffer has not been kept yet begins here
	text             []byte
	limit            int
	inString, escape bool // at the end of text
	over             bool
}

// More reports whether there is another value, as in a stream of JSON texts one after the other.
func (r *Reader) More() (bool, error) {
	switch _, err := r.peek(); err {
	case nil:
		return true, nil
	case io.EOF:
		return false, nil
	default:
		return false, err
	}
}

// Is reports whether the next value begins with a byte. The value stays unread.
func (r *Reader) Is(first byte) (bool, error) {
	kind, err := r.kind()
	return kind == first, err
}

// Offset returns how many bytes have been read, of all that the values take.
func (r *Reader) Offset() int64 { return r.before + int64(r.pos) }

// Record begins to keep what is read from here on: its text byte for byte, without the white space
// between values. It appends to into at most limit bytes.
func (r *Reader) Record(into []byte, limit int) {
	r.rec = recording{on: true, from: r.pos, text: into, limit: limit}
}

// Recorded ends what Record began and returns the text. If it is longer than the limit, the error
// is ErrTooLong. The text is JSON if what was read was one value, to its end.
func (r *Reader) Recorded() ([]byte, error) {
	r.record()
	text, over := r.rec.text, r.rec.over
	r.rec = recording{}
	if over {
		return text, ErrTooLong
	}
	return text, nil
}

// record keeps what has been read since it was called last.
func (r *Reader) record() {
	if r.rec.on {
		r.rec.add(r.buf[r.rec.from:r.pos])
		r.rec.from = r.pos
	}
}

func (rec *recording) add(p []byte) {
	for len(p) > 0 && !rec.over {
		n := 0
		switch {
		case rec.escape:
			n, rec.escape = 1, false
		case rec.inString:
			n = plain(p)
			if n < len(p) {
				rec.inString, rec.escape = p[n] != '"', p[n] == '\\'
				n++
			}
		case isSpace(p[0]):
			p = p[1:]
			continue
		default:
			for n < len(p) && !isSpace(p[n]) && !rec.inString {
				rec.inString = p[n] == '"'
				n++
			}
		}
		if len(rec.text)+n > rec.limit {
			rec.over = true
			return
		}
		rec.text = append(rec.text, p[:n]...)
		p = p[n:]
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }
