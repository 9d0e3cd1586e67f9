package jsonstream

import "io"

// A recording keeps what a Reader reads, without the white space between values.
type recording struct {
	on    bool
	from  int // where in the buffer what has not been kept yet begins
	text  []byte
	limit int
	over  bool
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
	r.record(r.pos)
	text, over := r.rec.text, r.rec.over
	r.rec = recording{}
	if over {
		return text, ErrTooLong
	}
	return text, nil
}

// record keeps what has been read up to a place in the buffer, and leaves out what was read since.
func (r *Reader) record(upTo int) {
	rec := &r.rec
	if !rec.on {
		return
	}
	text := r.buf[rec.from:upTo]
	rec.from = r.pos
	if rec.over = rec.over || len(rec.text)+len(text) > rec.limit; !rec.over {
		rec.text = append(rec.text, text...)
	}
}
