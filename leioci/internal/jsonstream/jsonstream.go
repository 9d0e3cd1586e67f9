// Package jsonstream reads JSON ([RFC 8259]) from a stream, or from bytes, in bounded memory,
// whatever the JSON holds: a caller keeps the values it wants, up to lengths it chooses, and skips
// the rest.
//
// encoding/json cannot: Unmarshal needs the whole text, a Decoder holds a token of any length, and
// both take the last of several members of one name, which other readers may not.
//
// It accepts what encoding/json accepts, with three exceptions. Text that is not UTF-8 is an error,
// and so is nesting of more than [MaxDepth] levels. Names of members are not compared at all, and
// so not without regard to case.
//
// [RFC 8259]: https://www.rfc-editor.org/rfc/rfc8259
package jsonstream

import (
	"errors"
	"fmt"
	"io"
	"strconv"
)

// MaxDepth is the number of objects and arrays that may be open at once.
const MaxDepth = 1000

const (
	bufferBytes = 32 << 10
	// maxNameBytes is how much of a member's name is kept.
	maxNameBytes = 256
	// maxNumberBytes is how much of a number is kept. No 64-bit integer has as many digits.
	maxNumberBytes = 32
)

// The errors that a caller may want to tell apart. What is not JSON is an error without a name.
var (
	// ErrType: the value is of another type than the one that was asked for. It has not been read.
	ErrType = errors.New("another JSON type")
	// ErrTooLong: a string is longer than the caller allows. It has been read, and not kept.
	ErrTooLong = errors.New("JSON string too long")
	// ErrNotInteger: a number is not a 64-bit integer, or not written as one.
	ErrNotInteger = errors.New("not a 64-bit integer")

	errNotUTF8 = errors.New("not UTF-8")
	errDepth   = fmt.Errorf("nested more than %d levels deep", MaxDepth)
	errEnd     = errors.New("unexpected end of JSON input")
)

// A Reader reads one JSON text, value by value. Its methods that read a value start at the next
// one. After an error other than ErrType and ErrTooLong, it is of no further use. It is not safe
// for concurrent use.
type Reader struct {
	r        io.Reader // nil if buf is all there is
	buf      []byte
	own      []byte // the buffer for what r holds, made when it is needed
	pos, end int    // of what is in buf and not yet read
	err      error  // what r ended with
	text     []byte // the string, name or number read last, as far as it is kept
	depth    int
	values   int
	before   int64 // bytes read before those in buf
	rec      recording
}

// NewReader returns a Reader of what r holds. It may read beyond the end of the JSON.
func NewReader(r io.Reader) *Reader { return &Reader{r: r} }

// ResetBytes makes r read text, which must not change meanwhile. Nothing of it is copied but what
// has escape sequences. The zero Reader may be used with it.
func (r *Reader) ResetBytes(text []byte) {
	kept := r.text
	if cap(kept) > bufferBytes {
		kept = nil
	}
	*r = Reader{own: r.own, text: kept, buf: text, end: len(text), err: io.EOF}
}

// Values returns the number of values that have been read so far, skipped ones included.
func (r *Reader) Values() int { return r.values }

// Object reads an object. It calls member for each member, with the first 256 bytes of its name,
// which are valid until member reads on. member must read or skip the value.
func (r *Reader) Object(member func(name []byte) error) error {
	if err := r.begin('{'); err != nil {
		return err
	}
	for first := true; ; first = false {
		more, err := r.nextMember(first, maxNameBytes)
		if err != nil || !more {
			return err
		}
		if err := member(r.text); err != nil {
			return err
		}
	}
}

// Array reads an array. It calls element for each, which must read or skip it.
func (r *Reader) Array(element func() error) error {
	if err := r.begin('['); err != nil {
		return err
	}
	for first := true; ; first = false {
		more, err := r.next(first, ']', "after array element")
		if err != nil || !more {
			return err
		}
		if err := element(); err != nil {
			return err
		}
	}
}

// String reads a string of at most limit bytes.
func (r *Reader) String(limit int) (string, error) {
	text, err := r.Bytes(limit)
	return string(text), err
}

// Bytes is String without a copy: the bytes are valid until r reads on, and must not be changed.
func (r *Reader) Bytes(limit int) ([]byte, error) {
	if err := r.want('"'); err != nil {
		return nil, err
	}
	r.values++
	if n := plain(r.buf[r.pos:r.end]); n <= limit && r.pos+n < r.end && r.buf[r.pos+n] == '"' {
		text := r.buf[r.pos : r.pos+n : r.pos+n]
		r.pos += n + 1
		return text, nil
	}
	whole, err := r.str(limit)
	if err == nil && !whole {
		err = ErrTooLong
	}
	if err != nil {
		return nil, err
	}
	return r.text, nil
}

// Int64 reads a number that is written as an integer.
func (r *Reader) Int64() (int64, error) {
	if err := r.want('0'); err != nil {
		return 0, err
	}
	r.values++
	if err := r.number(maxNumberBytes); err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(string(r.text), 10, 64) // a number that was cut off is out of range
	if err != nil {
		return 0, ErrNotInteger
	}
	return n, nil
}

// Null reads the value if it is null, and reports whether it was.
func (r *Reader) Null() (bool, error) {
	kind, err := r.kind()
	if err != nil || kind != 'n' {
		return false, err
	}
	return true, r.Skip()
}

// Skip reads a value of any type and keeps nothing of it.
func (r *Reader) Skip() error {
	kind, err := r.kind()
	if err != nil {
		return err
	}
	switch kind {
	case '{':
		return r.skipMembers('}')
	case '[':
		return r.skipMembers(']')
	}
	r.values++
	switch kind {
	case '"':
		r.pos++
		_, err := r.str(0)
		return err
	case '0':
		return r.number(0)
	case 't':
		return r.literal("true")
	case 'f':
		return r.literal("false")
	default:
		return r.literal("null")
	}
}

// skipMembers skips an object or an array, which last ends.
func (r *Reader) skipMembers(last byte) error {
	if err := r.begin(last - 2); err != nil { // in ASCII, '{' is two before '}', and '[' before ']'
		return err
	}
	for first := true; ; first = false {
		var more bool
		var err error
		if last == '}' {
			more, err = r.nextMember(first, 0)
		} else {
			more, err = r.next(first, last, "after array element")
		}
		if err != nil || !more {
			return err
		}
		if err := r.Skip(); err != nil {
			return err
		}
	}
}

// End reads white space to the end of the input. Anything else is an error.
func (r *Reader) End() error {
	c, err := r.peek()
	switch {
	case err == io.EOF:
		return nil
	case err != nil:
		return err
	}
	return invalid(c, "after top-level value")
}
