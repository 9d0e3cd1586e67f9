package jsonstream

import (
	"fmt"
	"io"
	"unicode/utf8"
)

// kind returns the first byte of the next value, or '0' for a number, and leaves it unread.
func (r *Reader) kind() (byte, error) {
	c, err := r.peek()
	if err != nil {
		return 0, ended(err)
	}
	switch c {
	case '{', '[', '"', 't', 'f', 'n':
		return c, nil
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return '0', nil
	}
	return 0, invalid(c, "looking for beginning of value")
}

// want checks the kind of the next value and reads its first byte, unless it is a number.
func (r *Reader) want(kind byte) error {
	got, err := r.kind()
	switch {
	case err != nil:
		return err
	case got != kind:
		return ErrType
	case kind != '0':
		r.pos++
	}
	return nil
}

// begin reads the first byte of an object or an array.
func (r *Reader) begin(kind byte) error {
	if err := r.want(kind); err != nil {
		return err
	}
	r.values++
	if r.depth++; r.depth > MaxDepth {
		return errDepth
	}
	return nil
}

// next reads up to the next member or element, and reports whether there is one.
func (r *Reader) next(first bool, last byte, where string) (bool, error) {
	c, err := r.peek()
	switch {
	case err != nil:
		return false, ended(err)
	case c == last:
		r.pos++
		r.depth--
		return false, nil
	case first:
		return true, nil
	case c != ',':
		return false, invalid(c, where)
	}
	r.pos++
	return true, nil
}

// nextMember reads up to the value of the next member. At most limit bytes of its name are in
// r.text.
func (r *Reader) nextMember(first bool, limit int) (bool, error) {
	more, err := r.next(first, '}', "after object member")
	if err != nil || !more {
		return false, err
	}
	c, err := r.peek()
	switch {
	case err != nil:
		return false, ended(err)
	case c != '"':
		return false, invalid(c, "looking for beginning of object member")
	}
	r.pos++
	if _, err := r.str(limit); err != nil {
		return false, err
	}
	c, err = r.skipSpace()
	switch {
	case err != nil:
		return false, ended(err)
	case c != ':':
		return false, invalid(c, "after object member name")
	}
	r.pos++
	return true, nil
}

// peek returns the first byte that is not white space, and leaves it unread. There mostly is none.
func (r *Reader) peek() (byte, error) {
	if r.pos < r.end && r.buf[r.pos] > ' ' {
		return r.buf[r.pos], nil
	}
	return r.skipSpace()
}

// skipSpace returns the first byte that is not white space, and leaves it unread.
func (r *Reader) skipSpace() (byte, error) {
	for {
		start := r.pos
		for ; r.pos < r.end; r.pos++ {
			switch c := r.buf[r.pos]; c {
			case ' ', '\t', '\r', '\n':
			default:
				r.record(start)
				return c, nil
			}
		}
		r.record(start)
		if err := r.fill(1); err != nil {
			return 0, err
		}
	}
}

// fill makes at least n unread bytes available, or returns an error: io.EOF where there are fewer.
func (r *Reader) fill(n int) error {
	if r.end-r.pos >= n {
		return nil
	}
	if r.err != nil {
		return r.err
	}
	if r.own == nil {
		r.own = make([]byte, bufferBytes)
	}
	r.record(r.pos)
	r.before += int64(r.pos)
	r.end = copy(r.own, r.buf[r.pos:r.end])
	r.buf, r.pos, r.rec.from = r.own, 0, 0
	for range 100 { // as in package bufio: a reader that returns nothing so often is broken
		var m int
		m, r.err = r.r.Read(r.buf[r.end:])
		if r.end += m; r.end >= n {
			return nil
		}
		if r.err != nil {
			return r.err
		}
	}
	return io.ErrNoProgress
}

// ended is for an error in the middle of a value.
func ended(err error) error {
	if err == io.EOF {
		return errEnd
	}
	return err
}

func invalid(c byte, where string) error {
	if c >= utf8.RuneSelf { // perhaps a part of a character
		return fmt.Errorf("invalid character %#x %s", c, where)
	}
	return fmt.Errorf("invalid character %q %s", c, where)
}
