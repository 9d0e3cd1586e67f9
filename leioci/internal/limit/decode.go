package limit

import (
	"bytes"
	"html"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/lowendinsight/lei-go/leioci/internal/lazyregexp"
)

// A decoder returns what the character means that is encoded at the beginning of text, and the
// length of its encoding: 0 if there is none. text is not empty.
type decoder func(text []byte) (means string, length int)

// decoders are those of JSON and of programming languages, of URLs, of their queries, of HTML and
// of MIME, and two for texts in ISO 8859-1 and for what comes of taking UTF-8 for that.
func decoders() []decoder {
	return []decoder{unescape, unpercent, unquery, unentity, unquote, fromLatin, toLatin}
}

// incomplete matches the beginning of an encoding at the end of a text.
var incomplete = lazyregexp.New(`(\\([uUx]\{?[0-9a-fA-F]{0,7}|[0-7]{0,2})?|\\u[dD][89abAB][0-9a-fA-F]{2}(\\u?[0-9a-fA-F]{0,3})?|%[0-9a-fA-F]?|&#?[a-zA-Z0-9]{0,31}|=[0-9a-fA-F]?)$`)

// trimIncomplete returns text without the beginning of an encoding at its end.
func trimIncomplete(text []byte) []byte {
	const longest = 48 // more than incomplete can match
	start := max(len(text)-longest, 0)
	if at := incomplete().FindIndex(text[start:]); at != nil {
		return text[:start+at[0]]
	}
	return text
}

var (
	surrogates = lazyregexp.New(`^\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})`)
	codePoint  = lazyregexp.New(`^\\(?:u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\}|U([0-9a-fA-F]{8}))`)
	octal      = lazyregexp.New(`^\\[0-3][0-7]{2}`)
	entity     = lazyregexp.New(`^&(#[xX]?[0-9a-fA-F]{1,8}|[a-zA-Z][a-zA-Z0-9]{0,30});`)
)

func unescape(text []byte) (means string, length int) {
	if text[0] != '\\' || len(text) == 1 {
		return "", 0
	}
	if m := surrogates().FindSubmatch(text); m != nil {
		return string(0x10000 + (number(m[1], 16)-0xd800)<<10 + number(m[2], 16) - 0xdc00), len(m[0])
	}
	if m := codePoint().FindSubmatch(text); m != nil {
		return string(number(bytes.Join(m[1:], nil), 16)), len(m[0])
	}
	if text[1] == 'x' {
		if c, ok := hexByte(text[2:]); ok {
			return c, 4
		}
	}
	if m := octal().Find(text); m != nil {
		return string([]byte{byte(number(m[1:], 8))}), len(m)
	}
	const letters, controls = "abfnrtve", "\a\b\f\n\r\t\v\x1b"
	if i := strings.IndexByte(letters, text[1]); i >= 0 {
		return controls[i : i+1], 2
	}
	return string(text[1:2]), 2
}

func unpercent(text []byte) (means string, length int) {
	if text[0] == '%' {
		if c, ok := hexByte(text[1:]); ok {
			return c, 3
		}
	}
	return "", 0
}

func unquery(text []byte) (means string, length int) {
	if text[0] == '+' {
		return " ", 1
	}
	return unpercent(text)
}

func unentity(text []byte) (means string, length int) {
	if text[0] == '&' {
		if m := entity().Find(text); m != nil {
			return html.UnescapeString(string(m)), len(m)
		}
	}
	return "", 0
}

func unquote(text []byte) (means string, length int) {
	if text[0] == '=' {
		if c, ok := hexByte(text[1:]); ok {
			return c, 3
		}
	}
	return "", 0
}

func fromLatin(text []byte) (means string, length int) {
	if text[0] >= utf8.RuneSelf {
		return string(rune(text[0])), 1
	}
	return "", 0
}

func toLatin(text []byte) (means string, length int) {
	if r, n := utf8.DecodeRune(text); n > 1 && r < 0x100 {
		return string([]byte{byte(r)}), n
	}
	return "", 0
}

// hexByte reads two hexadecimal digits.
func hexByte(text []byte) (c string, ok bool) {
	if len(text) < 2 {
		return "", false
	}
	n, err := strconv.ParseUint(string(text[:2]), 16, 8)
	return string([]byte{byte(n)}), err == nil
}

// number reads digits that a regular expression has matched.
func number(digits []byte, base int) rune {
	n, _ := strconv.ParseUint(string(digits), base, 31)
	return rune(n)
}
