package snapshot

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/lowendinsight/lei-go/leioci/internal/jsonstream"
)

// sampleLines returns the lines of the original's snapshot.
func sampleLines(t testing.TB) [][]byte {
	t.Helper()
	f, err := os.Open("../testdata/lei-0.9.1/" + CacheFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Split(bytes.TrimSuffix(content, []byte("\n")), []byte("\n"))
}

var errTwice = errors.New("given twice")

// visit calls each for the members of a JSON object, with encoding/json.
func visit(data []byte, each func(name string, value json.RawMessage) error) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if token, err := d.Token(); err != nil || token != json.Delim('{') {
		return errors.New("not an object")
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
		if err := each(name.(string), value); err != nil {
			return err
		}
	}
	return nil
}

// reference is what a line says according to encoding/json.
func reference(line []byte) (repo, risk string, err error) {
	if !json.Valid(line) || !utf8.Valid(line) {
		return "", "", errors.New("not JSON")
	}
	found := map[string]*string{}
	seen := map[string]bool{}
	once := func(name string) error {
		if seen[name] {
			return errTwice
		}
		seen[name] = true
		return nil
	}
	err = visit(line, func(section string, value json.RawMessage) error {
		if section != "header" && section != "data" {
			return nil
		}
		if err := once(section); err != nil || string(value) == "null" {
			return err
		}
		return visit(value, func(name string, value json.RawMessage) error {
			if name != "repo" && name != "risk" {
				return nil
			}
			if err := once(section + "." + name); err != nil {
				return err
			}
			var text *string
			err := json.Unmarshal(value, &text)
			found[section+"."+name] = text
			return err
		})
	})
	repo = unknownRepo
	for _, name := range []string{"header.repo", "data.repo"} {
		if text := found[name]; text != nil {
			repo = *text
		}
	}
	if text := found["data.risk"]; text != nil {
		risk = *text
	}
	return repo, risk, err
}

// parsesAlike compares a parser with encoding/json.
func parsesAlike(t *testing.T, p *parser, line []byte) {
	t.Helper()
	repo, risk, wantErr := reference(line)
	got, err := p.parse(1, line)
	deep := bytes.Count(line, []byte("["))+bytes.Count(line, []byte("{")) > jsonstream.MaxDepth
	if (err == nil) != (wantErr == nil) && !deep {
		t.Errorf("%.200q: got %v, want %v", line, err, wantErr)
	}
	if err != nil && (!errors.Is(err, ErrMalformed) || len(err.Error()) > 200) {
		t.Errorf("%.200q: got %v", line, err)
	}
	if err == nil && wantErr == nil && (string(got.repo) != repo || got.risk != risk) {
		t.Errorf("%.200q: got %q and %q, want %q and %q", line, got.repo, got.risk, repo, risk)
	}
}

// lineSeeds are reports, and what is nearly one.
var lineSeeds = []string{
	``, ` `, `{}`, `{"data":{"repo":"a","risk":"low"}}`, `{"header":{"repo":"h"},"data":{"risk":"high"}}`, `{"data":null,"header":null}`,
	`{"data":{"repo":null,"risk":null},"header":{"repo":"x"}}`, `{"d\u0061ta":{"r\u0065po":"\u00e9\ud83d\ude00\ud83d"}}`,
	`{"data":{"repo":"a","r\u0065po":"b"}}`, `{"data":{"repo":1}}`, `{"data":[]}`, `{"data":{},"data":{}}`, `{"header":{"risk":"x"}}`,
	`{"header":{"risk":1}}`, `{"data":{"repo":"` + strings.Repeat("x", 100) + `"}}`, `{"x":{"data":{"repo":"no"}}}`, `{"data":{"risk":"x\u006Fw"}} `,
	`{"DATA":1,"data":{"Repo":1}}`, "\ufeff{}", `{"data":{"repo":"a"}}}`, `{"data":{"repo":"a"}`, `[{"data":{}}]`,
}

func TestAParserFindsWhatEncodingJSONFinds(t *testing.T) {
	var p parser // one for all: nothing of a line is left for the next
	for _, seed := range lineSeeds {
		parsesAlike(t, &p, []byte(seed))
	}
	for i, line := range sampleLines(t) {
		parsesAlike(t, &p, line)
		damaged := bytes.Clone(line)
		damaged[i*13%len(line)] ^= 1 << (i % 8)
		parsesAlike(t, &p, damaged)
		parsesAlike(t, &p, line[:i*13%len(line)])
	}
}

func FuzzParser(f *testing.F) {
	for _, seed := range lineSeeds {
		f.Add([]byte(seed))
	}
	f.Add(sampleLines(f)[0])
	f.Fuzz(func(t *testing.T, line []byte) { parsesAlike(t, &parser{}, line) })
}

func TestParsingAllocatesNothing(t *testing.T) {
	lines := sampleLines(t)
	var p parser
	if n := testing.AllocsPerRun(10, func() {
		for _, line := range lines {
			if _, err := p.parse(1, line); err != nil {
				t.Error(err)
			}
		}
	}); n > 0 {
		t.Errorf("%v allocations for %d lines", n, len(lines))
	}
}
