package jsonstream_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/lowendinsight/lei-go/leioci/internal/jsonstream"
)

// records compares what is recorded of a JSON text with what encoding/json makes of it.
func records(t *testing.T, data string) {
	t.Helper()
	var want bytes.Buffer
	if json.Compact(&want, []byte(data)) != nil || !utf8.ValidString(data) {
		return
	}
	var r jsonstream.Reader
	r.ResetBytes([]byte(data))
	for name, r := range map[string]*jsonstream.Reader{
		"bytes": &r, "stream": jsonstream.NewReader(strings.NewReader(data)), "by the byte": jsonstream.NewReader(iotest.OneByteReader(strings.NewReader(data))),
	} {
		for _, limit := range []int{want.Len(), want.Len() - 1} {
			if limit < want.Len() {
				if name != "bytes" {
					continue // it has been read
				}
				r.ResetBytes([]byte(data))
			}
			r.Record([]byte("before"), limit+len("before"))
			if err := r.Skip(); err != nil {
				if !strings.Contains(err.Error(), "nested") {
					t.Errorf("%.100q %s: %v", data, name, err)
				}
				return
			}
			got, err := r.Recorded()
			switch {
			case limit < want.Len() && !errors.Is(err, jsonstream.ErrTooLong):
				t.Errorf("%.100q %s: %d bytes, got %v", data, name, limit, err)
			case limit == want.Len() && (err != nil || string(got) != "before"+want.String()):
				t.Errorf("%.100q %s: got %.100q, %v", data, name, got, err)
			}
			if more, err := r.More(); more || err != nil || r.Offset() != int64(len(data)) {
				t.Errorf("%.100q %s: more %t, %v, at %d", data, name, more, err, r.Offset())
			}
		}
	}
}

func TestARecordingIsTheTextWithoutWhiteSpace(t *testing.T) {
	for _, text := range texts {
		records(t, text)
		records(t, " [ "+text+" ,\r\n{ \"a\\\" b\" :\t"+text+" } , [ ] ] ")
		records(t, strings.Repeat(" ", 32<<10-2)+text+strings.Repeat("\n", 32<<10-2))
		records(t, `["`+strings.Repeat("x", 32<<10-5)+`" , `+text+`, "`+strings.Repeat(" ", 70<<10)+`"]`)
	}
}

func FuzzRecord(f *testing.F) {
	for _, text := range texts {
		f.Add(" [ " + text + " ,{ \"a b\" :\t" + text + " } ] ")
	}
	f.Fuzz(records)
}

func TestOnlyAPartIsRecorded(t *testing.T) {
	r := jsonstream.NewReader(strings.NewReader(` { "a" : 1 , "b" : [ 2 , 3 ] , "c" : { "d" : 4 } } [ 5 ] x`))
	var parts []string
	for {
		object, err := r.Is('{')
		if err != nil {
			break // at x
		}
		if !object {
			r.Record(nil, 100)
			if err := r.Skip(); err != nil {
				t.Fatal(err)
			}
		} else if err := r.Object(func(name []byte) error {
			if string(name) == "b" {
				r.Record(nil, 100)
				if err := r.Skip(); err != nil {
					return err
				}
				text, err := r.Recorded()
				parts = append(parts, string(text))
				return err
			}
			return r.Skip()
		}); err != nil {
			t.Fatal(err)
		}
		text, err := r.Recorded()
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, string(text))
	}
	if got := strings.Join(parts, ";"); got != "[2,3];;[5]" {
		t.Errorf("got %s", got)
	}
	if more, err := jsonstream.NewReader(iotest.ErrReader(io.ErrClosedPipe)).More(); more || !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %t, %v", more, err)
	}
}
