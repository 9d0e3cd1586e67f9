package jsonstream_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/lowendinsight/lei-go/leioci/internal/jsonstream"
)

// texts are JSON, and what is nearly JSON.
var texts = []string{
	``, ` `, `null`, `nul`, `nullx`, `true`, `false`, `fals`, `{}`, `[]`, `{`, `[`, `}`, `]`, `{}}`, `[1,]`, `[,1]`, `{"a":1,}`,
	`{"a"}`, `{"a":}`, `{a:1}`, `{"a":1 "b":2}`, `{"a":1,"b":[1,2,{"c":null}],"a":"x"}`, `[1 2]`, `{} {}`, "\ufeff{}", ` {"a": [ ] } ` + "\n",
	`0`, `-0`, `01`, `-`, `+1`, `1.`, `.5`, `1.5`, `1e5`, `1E+5`, `1e-5`, `1e`, `1e+`, `12x`, `NaN`, `Infinity`, `-Infinity`, `0x1`,
	`""`, `"`, `"a`, `"\`, `"\q"`, `"\u12"`, `"\u12G4"`, `"\u00e9\n\"\\\/\b\f\r\t"`, `"é漢😀"`, "\"\x01\"", "\"\n\"", "\"\xff\"", "\"\xc3\"", "\"\xe6\xbc\"",
	`"\ud83d\ude00"`, `"\ud83d"`, `"\ud83dx"`, `"\ud83d\u0041"`, `"\ud83d\ud83d\ude00"`, `"\ude00"`, `"\ud83d\uzzzz"`, `"\ud83d\`, "\"\x7f\"",
}

func agrees(t *testing.T, data string) {
	t.Helper()
	for name, source := range map[string]io.Reader{
		"at once": strings.NewReader(data), "by the byte": iotest.OneByteReader(strings.NewReader(data)),
		"with the end": iotest.DataErrReader(strings.NewReader(data)),
	} {
		r := jsonstream.NewReader(source)
		err := r.Skip()
		if err == nil {
			err = r.End()
		}
		deep := strings.Count(data, "[")+strings.Count(data, "{") > jsonstream.MaxDepth
		if want := json.Valid([]byte(data)) && utf8.ValidString(data); (err == nil) != want && !deep {
			t.Errorf("%.100q %s: got %v, want valid %t", data, name, err, want)
		}
	}
	var want string
	ok := json.Unmarshal([]byte(data), &want) == nil && utf8.ValidString(data) && strings.Contains(data, `"`)
	got, err := jsonstream.NewReader(iotest.HalfReader(strings.NewReader(data))).String(1 << 20)
	if ok && (err != nil || got != want) {
		t.Errorf("%.100q: got %q, %v, want %q", data, got, err, want)
	}
}

func TestAReaderAcceptsWhatEncodingJSONAccepts(t *testing.T) {
	for _, text := range texts {
		agrees(t, text)
		agrees(t, `{"a":[`+text+`],"`+text+`":0}`)
		agrees(t, `"`+strings.Repeat("x", 32<<10-3)+text) // across the end of a buffer
		agrees(t, strings.Repeat(" ", 32<<10-2)+text)
	}
}

func FuzzReader(f *testing.F) {
	for _, text := range texts {
		f.Add(text)
	}
	f.Fuzz(agrees)
}

func TestIntegersAreRead(t *testing.T) {
	for text, want := range map[string]struct {
		n   int64
		err error
	}{
		"0": {0, nil}, "-1": {-1, nil}, "9223372036854775807": {1<<63 - 1, nil}, "-9223372036854775808": {-1 << 63, nil},
		"9223372036854775808": {0, jsonstream.ErrNotInteger}, "1.0": {0, jsonstream.ErrNotInteger}, "1e2": {0, jsonstream.ErrNotInteger},
		strings.Repeat("1", 1<<20): {0, jsonstream.ErrNotInteger}, `"1"`: {0, jsonstream.ErrType}, "null": {0, jsonstream.ErrType},
	} {
		if n, err := jsonstream.NewReader(strings.NewReader(text)).Int64(); n != want.n || !errors.Is(err, want.err) {
			t.Errorf("%.30s: got %d, %v", text, n, err)
		}
	}
}

func TestMembersAndElementsAreVisitedInOrder(t *testing.T) {
	r := jsonstream.NewReader(strings.NewReader(`{"a":1,"\u0062":["x",null,{"y":[]}],"a":"z","` + strings.Repeat("n", 300) + `":0}`))
	var seen strings.Builder
	err := r.Object(func(name []byte) error {
		seen.Write(name)
		err := r.Array(func() error {
			seen.WriteByte('[')
			return r.Skip()
		})
		if errors.Is(err, jsonstream.ErrType) {
			return r.Skip()
		}
		return err
	})
	if want := "ab[[[a" + strings.Repeat("n", 256); err != nil || seen.String() != want {
		t.Errorf("got %q, %v", seen.String(), err)
	}
	if r.Values() != 9 || r.End() != nil {
		t.Errorf("%d values", r.Values())
	}
}

func TestALongStringIsRefusedOrSkipped(t *testing.T) {
	text := `"` + strings.Repeat("é", 50) + `"`
	for limit, want := range map[int]error{100: nil, 99: jsonstream.ErrTooLong, 0: jsonstream.ErrTooLong} {
		if _, err := jsonstream.NewReader(strings.NewReader(text)).String(limit); !errors.Is(err, want) {
			t.Errorf("%d: got %v", limit, err)
		}
	}
}

func TestDeepNestingIsRefused(t *testing.T) {
	for _, open := range []string{"[", `{"a":`} {
		for depth, ok := range map[int]bool{jsonstream.MaxDepth: true, jsonstream.MaxDepth + 1: false, 1 << 20: false} {
			text := strings.Repeat(open, depth) + "1" + strings.Repeat(string(open[0]+2), depth)
			r := jsonstream.NewReader(strings.NewReader(text))
			if err := r.Skip(); (err == nil) != ok {
				t.Errorf("%d levels of %s: %v", depth, open, err)
			}
		}
	}
}

func TestAnErrorOfTheSourceIsReturnedAsItIs(t *testing.T) {
	broken := errors.New("broken disk")
	for _, text := range []string{``, `{`, `{"a`, `{"a":`, `"\`, `"\u1`, `12`, `tr`, "\"\xc3", `{"a":1}`} {
		r := jsonstream.NewReader(io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken)))
		err := r.Skip()
		if err == nil {
			err = r.End()
		}
		if !errors.Is(err, broken) {
			t.Errorf("%q: got %v", text, err)
		}
	}
	if err := jsonstream.NewReader(noProgress{}).Skip(); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("got %v", err)
	}
}

// noProgress is a reader that returns nothing, forever.
type noProgress struct{}

func (noProgress) Read([]byte) (int, error) { return 0, nil }

// Whatever a text holds, and however long, skipping it takes no more memory than the buffer.
func TestSkippingTakesBoundedMemory(t *testing.T) {
	const size, most = 16 << 20, 256 << 10
	for name, text := range map[string]struct{ first, unit, last string }{
		"a string":         {`"`, "x", `"`},
		"escapes":          {`"`, `\u00e9`, `"`},
		"a number":         {`1`, "1", ``},
		"a name":           {`{"`, "x", `":1}`},
		"many strings":     {`[""`, `,"x"`, `]`},
		"many objects":     {`[{}`, `,{}`, `]`},
		"many members":     {`{"":0`, `,"a":{"b":[1]}`, `}`},
		"white space":      {`[`, " \n\t", `]`},
		"nothing but open": {``, `[`, ``},
	} {
		var before, after runtime.MemStats
		source := io.MultiReader(strings.NewReader(text.first), repeat(text.unit, size), strings.NewReader(text.last))
		runtime.ReadMemStats(&before)
		r := jsonstream.NewReader(source)
		err := r.Skip()
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > most || (err == nil) != (text.last != "" || text.first == "1") {
			t.Errorf("%s: %d bytes were allocated, error %v", name, got, err)
		}
	}
}

// repeat reads as many whole units as fit in size.
func repeat(unit string, size int) io.Reader {
	block := bytes.Repeat([]byte(unit), 4096)
	return &repeating{block: block, left: size / len(block) * len(block)}
}

type repeating struct {
	block []byte
	at    int
	left  int
}

func (r *repeating) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), r.left)], r.block[r.at:])
	r.at = (r.at + n) % len(r.block)
	r.left -= n
	return n, nil
}
