package limit

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
)

// mask replaces a secret.
const mask = "..."

// A registry may repeat a secret in any encoding, and in one inside another: HTML in JSON, for
// example. So text is decoded in all orders, this deep. What comes of it has at most so many bytes
// in all: more come only of a text that was made for that.
const (
	maxDepth   = 3
	maxDecoded = 64 * maxErrorBytes
)

// remove replaces the secrets in text, however they are encoded. If text was cut, remove also
// removes the beginning of a secret from its end. Of a text that takes too long to decode nothing
// is left.
func remove(text []byte, secrets []string, cut bool) []byte {
	if len(secrets) == 0 {
		return text
	}
	hidden := make([]bool, len(text))
	all, ok := views(text, cut)
	if !ok {
		return nil
	}
	for _, v := range all {
		for _, secret := range secrets {
			v.find(secret, hidden)
			if cut {
				v.findCut(secret, hidden)
			}
		}
	}
	var kept []byte
	for i, c := range text {
		switch {
		case !hidden[i]:
			kept = append(kept, c)
		case i == 0 || !hidden[i-1]:
			kept = append(kept, mask...)
		}
	}
	return kept
}

// A view is a text after decoding.
type view struct {
	text []byte
	at   []int32 // at[i] is where the encoding of text[i] begins in the original, and its last element where that ends
}

// views returns text as it is, and decoded in every way that makes a difference.
func views(text []byte, cut bool) (all []view, ok bool) {
	at := make([]int32, len(text)+1)
	for i := range at {
		at[i] = int32(i)
	}
	all = []view{{text, at}}
	seen := map[string]bool{string(text): true}
	decodedBytes := 0
	for depth, first := 0, 0; depth < maxDepth; depth++ {
		last := len(all)
		for _, v := range all[first:last] {
			for _, decode := range decoders() {
				decoded := v.decode(decode, cut)
				if seen[string(decoded.text)] {
					continue
				}
				if decodedBytes += len(decoded.text); decodedBytes > maxDecoded {
					return nil, false
				}
				seen[string(decoded.text)] = true
				all = append(all, decoded)
			}
		}
		first = last
	}
	return all, true
}

// decode returns the view of what v encodes.
func (v view) decode(decode decoder, cut bool) view {
	var d view
	for i := 0; i < len(v.text); {
		means, length := decode(v.text[i:])
		if length == 0 {
			means, length = string(v.text[i:i+1]), 1
		}
		for range len(means) {
			d.at = append(d.at, v.at[i])
		}
		d.text = append(d.text, means...)
		i += length
	}
	if cut { // in the middle of an encoding, too
		d.text = trimIncomplete(d.text)
	}
	d.at = append(d.at[:len(d.text)], v.at[len(v.text)])
	return d
}

// find marks where the original holds the secret.
func (v view) find(secret string, hidden []bool) {
	for i := 0; ; i += len(secret) {
		found := bytes.Index(v.text[i:], []byte(secret))
		if found < 0 {
			return
		}
		i += found
		hide(hidden[v.at[i]:v.at[i+len(secret)]])
	}
}

// findCut marks the beginning of the secret at the end of the original.
func (v view) findCut(secret string, hidden []bool) {
	text := trimIncomplete(v.text)
	for n := min(len(secret), len(text)); n > 0; n-- {
		if bytes.HasSuffix(text, []byte(secret[:n])) {
			hide(hidden[v.at[len(text)-n]:])
			return
		}
	}
}

func hide(part []bool) {
	for i := range part {
		part[i] = true
	}
}

// wholes returns the forms of a secret that do not encode it character by character. In base64 it
// may be part of something longer: the characters that depend on its neighbours are left out.
func wholes(secret string) []string {
	encoded := hex.EncodeToString([]byte(secret))
	all := []string{encoded, strings.ToUpper(encoded), strings.ToLower(secret), strings.ToUpper(secret)} // a host's name may be in either case
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			encoded := encoding.EncodeToString(slices.Concat(make([]byte, before), []byte(secret)))
			start, end := (8*before+5)/6, 8*(before+len(secret))/6
			all = append(all, encoded[start:end])
		}
	}
	return all
}
