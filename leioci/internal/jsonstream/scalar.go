package jsonstream

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/bits"
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
		if n := plain(r.buf[r.pos:r.end]); n > 0 {
			whole = limit > 0 && r.keep(r.buf[r.pos:r.pos+n], limit) && whole
			r.pos += n
		}
		if r.pos == r.end {
			if err := r.fill(1); err != nil {
				return false, ended(err)
			}
			continue
		}
		switch c := r.buf[r.pos]; {
		case c == '"':
			r.pos++
			return whole, nil
		case c < ' ':
			return false, invalid(c, "in string literal")
		}
		var char [utf8.UTFMax]byte
		n, err := r.special(&char)
		if err != nil {
			return false, err
		}
		whole = limit > 0 && r.keep(char[:n], limit) && whole
	}
}

// special reads an escape sequence or a character outside ASCII.
func (r *Reader) special(char *[utf8.UTFMax]byte) (int, error) {
	if r.buf[r.pos] != '\\' {
		return r.character(char[:])
	}
	r.pos++
	escaped, err := r.escape()
	return utf8.EncodeRune(char[:], escaped), err
}

// plain returns how many bytes at the beginning of p are ASCII and stand for themselves. It looks
// at eight bytes at once: the highest bit of each tells whether it is one that ends them. Those
// above the first may be wrong.
func plain(p []byte) int {
	const each, high = 0x0101010101010101, 0x8080808080808080
	n := 0
	for ; len(p)-n >= 8; n += 8 {
		x := binary.LittleEndian.Uint64(p[n:])
		quote, backslash := x^each*'"', x^each*'\\'
		ends := ((x-each*' ')&^x | (quote-each)&^quote | (backslash-each)&^backslash | x) & high
		if ends != 0 {
			return n + bits.TrailingZeros64(ends)/8
		}
	}
	for ; n < len(p); n++ {
		if c := p[n]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			break
		}
	}
	return n
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

// number reads a number. It keeps at most limit bytes of it in r.text.
func (r *Reader) number(limit int) error {
	r.text = r.text[:0]
	r.accept('-', limit)
	if !r.accept('0', limit) {
		if err := r.digits(limit); err != nil {
			return err
		}
	}
	if r.accept('.', limit) {
		if err := r.digits(limit); err != nil {
			return err
		}
	}
	if r.accept('e', limit) || r.accept('E', limit) {
		if !r.accept('+', limit) {
			r.accept('-', limit)
		}
		return r.digits(limit)
	}
	return nil
}

// accept reads the next byte if it is c, and keeps it.
func (r *Reader) accept(c byte, limit int) bool {
	if r.pos == r.end && r.fill(1) != nil || r.buf[r.pos] != c {
		return false // fill returns an error again
	}
	if limit > 0 {
		r.keep(r.buf[r.pos:r.pos+1], limit)
	}
	r.pos++
	return true
}

// digits reads one digit or more.
func (r *Reader) digits(limit int) error {
	for some := false; ; {
		start := r.pos
		for r.pos < r.end && '0' <= r.buf[r.pos] && r.buf[r.pos] <= '9' {
			r.pos++
		}
		if r.pos > start {
			some = true
			r.keep(r.buf[start:r.pos], limit)
		}
		if r.pos < r.end && some {
			return nil
		}
		err := r.fill(1)
		switch {
		case err == nil && r.pos < r.end && '0' <= r.buf[r.pos] && r.buf[r.pos] <= '9':
		case some:
			return nil // fill returns an error again
		case err != nil:
			return ended(err)
		default:
			return invalid(r.buf[r.pos], "in numeric literal")
		}
	}
}

// literal reads a word.
func (r *Reader) literal(word string) error {
	if r.end-r.pos >= len(word) && string(r.buf[r.pos:r.pos+len(word)]) == word {
		r.pos += len(word)
		return nil
	}
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
