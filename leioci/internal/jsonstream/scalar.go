package jsonstream

import (
	"bytes"
	"io"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// str reads a string from behind its opening quote. It keeps at most limit bytes of it in r.text,
// and reports whether that is all.
func (r *Reader) str(limit int) (whole bool, err error) {
	r.text = r.text[:0]
	whole = true
	for {
		if err := r.fill(1); err != nil {
			return false, ended(err)
		}
		n := plain(r.buf[r.pos:r.end])
		whole = r.keep(r.buf[r.pos:r.pos+n], limit) && whole
		if r.pos += n; r.pos == r.end {
			continue
		}
		var char [utf8.UTFMax]byte
		switch c := r.buf[r.pos]; {
		case c == '"':
			r.pos++
			return whole, nil
		case c == '\\':
			r.pos++
			escaped, err := r.escape()
			if err != nil {
				return false, err
			}
			n = utf8.EncodeRune(char[:], escaped)
		case c < ' ':
			return false, invalid(c, "in string literal")
		default:
			if n, err = r.character(char[:]); err != nil {
				return false, err
			}
		}
		whole = r.keep(char[:n], limit) && whole
	}
}

// plain returns how many bytes at the beginning of p are ASCII and stand for themselves.
func plain(p []byte) int {
	for i, c := range p {
		if c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			return i
		}
	}
	return len(p)
}

// keep appends to r.text as much as the limit allows, and reports whether that is all.
func (r *Reader) keep(p []byte, limit int) bool {
	n := min(len(p), max(0, limit-len(r.text)))
	r.text = append(r.text, p[:n]...)
	return n == len(p)
}

// character reads a character outside ASCII.
func (r *Reader) character(into []byte) (int, error) {
	err := r.fill(utf8.UTFMax) // fewer bytes may be enough
	if err != nil && err != io.EOF && !utf8.FullRune(r.buf[r.pos:r.end]) {
		return 0, err
	}
	c, n := utf8.DecodeRune(r.buf[r.pos:r.end])
	if c == utf8.RuneError && n == 1 {
		return 0, errNotUTF8
	}
	n = copy(into, r.buf[r.pos:r.pos+n])
	r.pos += n
	return n, nil
}

// escape reads an escape sequence from behind its backslash. Half of a surrogate pair is read as
// the replacement character, as encoding/json does.
func (r *Reader) escape() (rune, error) {
	if err := r.fill(1); err != nil {
		return 0, ended(err)
	}
	c := r.buf[r.pos]
	r.pos++
	if i := bytes.IndexByte([]byte(`"\/bfnrt`), c); i >= 0 {
		return rune("\"\\/\b\f\n\r\t"[i]), nil
	}
	if c != 'u' {
		return 0, invalid(c, "in string escape code")
	}
	if err := r.fill(4); err != nil {
		return 0, ended(err)
	}
	first, ok := hex(r.buf[r.pos : r.pos+4])
	if !ok {
		return 0, invalid(r.buf[r.pos], `in \u hexadecimal character escape`)
	}
	r.pos += 4
	if !utf16.IsSurrogate(first) {
		return first, nil
	}
	if err := r.fill(6); err == nil && r.buf[r.pos] == '\\' && r.buf[r.pos+1] == 'u' {
		if second, ok := hex(r.buf[r.pos+2 : r.pos+6]); ok {
			if pair := utf16.DecodeRune(first, second); pair != utf8.RuneError {
				r.pos += 6
				return pair, nil
			}
		}
	}
	return utf8.RuneError, nil
}

// hex decodes four hexadecimal digits.
func hex(digits []byte) (rune, bool) {
	var n rune
	for _, c := range digits {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		n = n<<4 | rune(c)
	}
	return n, true
}

// number reads a number. It keeps enough of it in r.text to tell an integer of 64 bits.
func (r *Reader) number() error {
	r.text = r.text[:0]
	r.accept('-')
	switch {
	case r.accept('0'):
	default:
		if err := r.digits(); err != nil {
			return err
		}
	}
	if r.accept('.') {
		if err := r.digits(); err != nil {
			return err
		}
	}
	if r.accept('e') || r.accept('E') {
		if !r.accept('+') {
			r.accept('-')
		}
		return r.digits()
	}
	return nil
}

// accept reads the next byte if it is c, and keeps it.
func (r *Reader) accept(c byte) bool {
	if r.fill(1) != nil || r.buf[r.pos] != c {
		return false // fill returns an error again
	}
	r.keep(r.buf[r.pos:r.pos+1], maxNumberBytes)
	r.pos++
	return true
}

// digits reads one digit or more.
func (r *Reader) digits() error {
	for n := 0; ; n++ {
		err := r.fill(1)
		if err == nil && '0' <= r.buf[r.pos] && r.buf[r.pos] <= '9' {
			r.accept(r.buf[r.pos])
			continue
		}
		switch {
		case n > 0:
			return nil // fill returns an error again
		case err != nil:
			return ended(err)
		}
		return invalid(r.buf[r.pos], "in numeric literal")
	}
}

// literal reads a word.
func (r *Reader) literal(word string) error {
	for _, want := range []byte(word) {
		if err := r.fill(1); err != nil {
			return ended(err)
		}
		if c := r.buf[r.pos]; c != want {
			return invalid(c, "in literal "+strconv.Quote(word))
		}
		r.pos++
	}
	return nil
}
