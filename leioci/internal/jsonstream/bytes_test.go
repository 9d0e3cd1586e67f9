package jsonstream_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/lowendinsight/lei-go/leioci/internal/jsonstream"
)

func bytesAgree(t *testing.T, data string) {
	t.Helper()
	var r jsonstream.Reader
	r.ResetBytes([]byte(data))
	err := r.Skip()
	if err == nil {
		err = r.End()
	}
	deep := strings.Count(data, "[")+strings.Count(data, "{") > jsonstream.MaxDepth
	if want := json.Valid([]byte(data)) && utf8.ValidString(data); (err == nil) != want && !deep {
		t.Errorf("%.100q: got %v, want valid %t", data, err, want)
	}
	stream := jsonstream.NewReader(strings.NewReader(data))
	streamErr := stream.Skip()
	if streamErr == nil {
		streamErr = stream.End()
	}
	if text := func(err error) string { return strings.TrimSpace(errorText(err)) }; text(err) != text(streamErr) {
		t.Errorf("%.100q: bytes %v, stream %v", data, err, streamErr)
	}
	var want string
	r.ResetBytes([]byte(data))
	got, err := r.Bytes(1 << 20)
	ok := json.Unmarshal([]byte(data), &want) == nil && utf8.ValidString(data) && strings.Contains(data, `"`)
	if ok && (err != nil || string(got) != want) {
		t.Errorf("%.100q: got %q, %v, want %q", data, got, err, want)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestBytesAreReadAsAStreamIs(t *testing.T) {
	for _, text := range texts {
		bytesAgree(t, text)
		bytesAgree(t, `{"a":[`+text+`],"`+text+`":0}`)
		for n := range 17 { // wherever it is among the eight bytes that are looked at together
			bytesAgree(t, `"`+strings.Repeat("x", n)+text)
			bytesAgree(t, `["`+strings.Repeat("x", n)+text+`",`+text+`]`)
		}
	}
	for c := range 256 { // whatever byte is in a string
		for n := range 9 {
			bytesAgree(t, `"`+strings.Repeat("x", n)+string([]byte{byte(c)})+`xxxxxxxx"`)
		}
	}
}

func FuzzBytes(f *testing.F) {
	for _, text := range texts {
		f.Add(text)
	}
	f.Fuzz(bytesAgree)
}

func TestAReaderOfBytesIsUsedAgain(t *testing.T) {
	var r jsonstream.Reader
	for _, text := range []string{`"a\n"`, `["a`, `"b"`, ``, `"\u00e9"`} {
		r.ResetBytes([]byte(text))
		got, err := r.Bytes(10)
		var want string
		if ok := json.Unmarshal([]byte(text), &want) == nil; ok != (err == nil) || string(got) != want {
			t.Errorf("%s: got %q, %v", text, got, err)
		}
	}
}

func TestReadingBytesAllocatesNothing(t *testing.T) {
	text := []byte(`{"a":"b","é":["\n",1.5e3,{"x":null,"y":true}],"c":"` + strings.Repeat("ü", 100) + `"}`)
	var r jsonstream.Reader
	if n := testing.AllocsPerRun(100, func() {
		r.ResetBytes(text)
		if err := r.Object(func([]byte) error { return r.Skip() }); err != nil {
			t.Error(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
