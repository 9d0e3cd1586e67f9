package guard

import "strings"

// replaceBetween replaces what is in a text between begin, in any case of letters, and the next
// end. Of two texts that overlap, the first counts.
func replaceBetween(text, begin, end string, replace func(string) string) string {
	var b strings.Builder
	for {
		start := indexFold(text, begin) + len(begin)
		length := -1
		if start >= len(begin) {
			length = strings.Index(text[start:], end)
		}
		if length < 0 {
			b.WriteString(text)
			return b.String()
		}
		b.WriteString(text[:start])
		b.WriteString(replace(text[start : start+length]))
		b.WriteString(end)
		text = text[start+length+len(end):]
	}
}

// indexFold is [strings.Index] in any case of letters, for a part in ASCII.
func indexFold(text, part string) int {
	for i := range len(text) - len(part) + 1 {
		if strings.EqualFold(text[i:i+len(part)], part) {
			return i
		}
	}
	return -1
}

// replaceBefore replaces each mark in a text together with the characters of a set that stand
// before it, unless there are none.
func replaceBefore(text, characters, mark string, replace func(string) string) string {
	var b strings.Builder
	written := 0
	for next := 0; ; {
		at := strings.Index(text[next:], mark)
		if at < 0 {
			b.WriteString(text[written:])
			return b.String()
		}
		at += next
		next = at + len(mark)
		start := written + len(strings.TrimRight(text[written:at], characters))
		if start < at {
			b.WriteString(text[written:start])
			b.WriteString(replace(text[start:next]))
			written = next
		}
	}
}
