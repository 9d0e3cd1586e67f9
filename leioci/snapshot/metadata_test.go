package snapshot_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

func TestReadMetadataRefusesWhatLEIDoesNotWriteAndSaysWhy(t *testing.T) {
	for name, test := range map[string]struct{ data, why string }{
		"nothing":                    {``, "unexpected end"},
		"not JSON":                   {`hello`, "invalid character"},
		"an array":                   {`[]`, "not a JSON object"},
		"null":                       {`null`, "not a JSON object"},
		"a number":                   {`1`, "not a JSON object"},
		"trailing data":              {`{` + times + `} {}`, "after top-level value"},
		"half":                       {`{` + times, "unexpected end"},
		"not UTF-8":                  {"{" + times + ",\"lei_version\":\"\xff\"}", "not UTF-8"},
		"no date":                    {`{"created":"2026-02-08T00:00:00Z"}`, "date is missing"},
		"null date":                  {`{"date":null,"created":"2026-02-08T00:00:00Z"}`, "date is missing"},
		"bad date":                   {`{"date":"2026-02-30","created":"2026-02-08T00:00:00Z"}`, `date "2026-02-30"`},
		"date with time":             {`{"date":"2026-02-08T00:00:00Z","created":"2026-02-08T00:00:00Z"}`, "is not a valid"},
		"date a number":              {`{"date":20260208,"created":"2026-02-08T00:00:00Z"}`, "date is not a string"},
		"no created":                 {`{"date":"2026-02-08"}`, "created is missing"},
		"bad created":                {`{"date":"2026-02-08","created":"yesterday"}`, `created "yesterday"`},
		"negative count":             {`{` + times + `,"entry_count":-1}`, "entry_count is negative: -1"},
		"negative raw":               {`{` + times + `,"raw_size":-2}`, "raw_size is negative: -2"},
		"negative compressed":        {`{` + times + `,"compressed_size":-3}`, "compressed_size is negative: -3"},
		"a fraction":                 {`{` + times + `,"raw_size":1.5}`, "raw_size is not a 64-bit integer"},
		"too large a number":         {`{` + times + `,"raw_size":9223372036854775808}`, "raw_size is not a 64-bit integer"},
		"a repo not a string":        {`{` + times + `,"repos":["x",1]}`, "repos is not an array of strings"},
		"repos cut short":            {`{` + times + `,"repos":["x"`, "unexpected end"},
		"a repo not UTF-8":           {"{" + times + ",\"repos\":[\"\xff\"]}", "not UTF-8"},
		"a date twice":               {`{` + times + `,"date":"2026-02-09"}`, "date is given twice"},
		"a date twice, once escaped": {`{` + times + `,"d\u0061te":"2026-02-09"}`, "date is given twice"},
		"repos twice":                {`{` + times + `,"repos":[],"repos":[]}`, "repos is given twice"},
		"only a DATE":                {`{"DATE":"2026-02-08","created":"2026-02-08T00:00:00Z"}`, "date is missing"},
		"no day":                     {`{"date":"0000-00-00","created":"2026-02-08T00:00:00Z"}`, `date "0000-00-00"`},
		"before all time":            {`{"date":"0000-01-01","created":"2026-02-08T00:00:00Z"}`, `date "0000-01-01"`},
		"the zero date":              {`{"date":"0001-01-01","created":"2026-02-08T00:00:00Z"}`, `date "0001-01-01"`},
		"the zero time":              {`{"date":"2026-02-08","created":"0001-01-01T00:00:00Z"}`, `created "0001-01-01`},
		"before all times":           {`{"date":"2026-02-08","created":"0000-01-01T00:00:00+01:00"}`, `created "0000-01-01`},
		"after all times":            {`{"date":"2026-02-08","created":"9999-12-31T23:59:59-01:00"}`, `created "9999-12-31`},
		"NaN":                        {`{` + times + `,"raw_size":NaN}`, "invalid character"},
		"nested deep":                {`{` + times + `,"x":` + strings.Repeat("[", 1<<20) + `}`, "nested"},
		"too long a version":         {`{` + times + `,"lei_version":"` + strings.Repeat("x", 1<<20+1) + `"}`, "lei_version is longer than 1048576 bytes"},
		"repos not an array":         {`{` + times + `,"repos":"x"}`, "repos is not an array"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := snapshot.ReadMetadata(strings.NewReader(test.data))
			if err != nil && len(err.Error()) > 200 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
			if !errors.Is(err, snapshot.ErrNotSnapshot) || !strings.Contains(fmt.Sprint(err), test.why) {
				t.Errorf("got %v, want ErrNotSnapshot and %q", err, test.why)
			}
		})
	}
}

func TestReadMetadataIgnoresWhatItDoesNotKnowAndTakesWhatIsMissingAsZero(t *testing.T) {
	m, err := snapshot.ReadMetadata(strings.NewReader(
		` {"date":"2026-02-08","created":"2026-02-08T01:00:00+01:00","x":[{}]}` + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	if m.EntryCount != 0 || m.RawSize != 0 || m.ContentHash != "" {
		t.Errorf("got %+v", m)
	}
	if got := m.Created.String(); got != "2026-02-08 00:00:00 +0000 UTC" {
		t.Errorf("created %s", got)
	}
}

func TestReadMetadataStopsAtItsLimit(t *testing.T) {
	source := &endless{}
	_, err := snapshot.ReadMetadata(source)
	if !errors.Is(err, snapshot.ErrTooLarge) || errors.Is(err, snapshot.ErrNotSnapshot) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
	if source.n > snapshot.MaxManifestBytes+1 {
		t.Errorf("read %d bytes", source.n)
	}
}

func TestReadMetadataReadsUpToItsLimit(t *testing.T) {
	const object = `{"date":"2026-02-08","created":"2026-02-08T00:00:00Z"}`
	padding := io.LimitReader(&endless{}, int64(snapshot.MaxManifestBytes-len(object)))
	if _, err := snapshot.ReadMetadata(io.MultiReader(strings.NewReader(object), padding)); err != nil {
		t.Error(err)
	}
}

func TestReadMetadataPassesOnTheErrorOfItsReader(t *testing.T) {
	broken := errors.New("broken disk")
	_, err := snapshot.ReadMetadata(iotest.ErrReader(broken))
	if !errors.Is(err, broken) || errors.Is(err, snapshot.ErrNotSnapshot) {
		t.Errorf("got %v", err)
	}
}

// A reader that verifies what it reads says at its end that this is not what was published. What is
// not JSON must not keep it from that.
func TestReadMetadataReadsToTheEndWhateverTheContentIs(t *testing.T) {
	forged := errors.New("another digest")
	for _, data := range []string{"", "x", "[]", `{"date":1` + strings.Repeat(" ", 1<<20), `{` + times + `}`, `{` + times + `} {}`} {
		_, err := snapshot.ReadMetadata(io.MultiReader(strings.NewReader(data), iotest.ErrReader(forged)))
		if !errors.Is(err, forged) || errors.Is(err, snapshot.ErrNotSnapshot) {
			t.Errorf("%.10q: got %v", data, err)
		}
	}
}

func TestErrorsDoNotRepeatLongValues(t *testing.T) {
	long := strings.Repeat("9", 1<<20)
	for _, data := range []string{
		`{"date":"` + long + `"}`, `{"date":"2026-02-08","created":"` + long + `"}`, `{"raw_size":` + long + `}`,
	} {
		if _, err := snapshot.ReadMetadata(strings.NewReader(data)); err == nil || len(err.Error()) > 200 {
			t.Errorf("%.20s: an error of %d bytes", data, len(fmt.Sprint(err)))
		}
	}
}

var spaces = strings.Repeat(" ", 4096)

// endless is a reader that yields spaces forever.
type endless struct{ n int64 }

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, spaces)
	e.n += int64(n)
	return n, nil
}

// nothing is a reader that never returns anything, which package io discourages and does not
// forbid.
type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, nil }

func TestReadMetadataEndsThoughItsReaderDoesNot(t *testing.T) {
	for _, content := range []string{"", "not JSON", `{"date":`, `{}`} {
		_, err := snapshot.ReadMetadata(io.MultiReader(strings.NewReader(content), nothing{}))
		if !errors.Is(err, io.ErrNoProgress) || errors.Is(err, snapshot.ErrNotSnapshot) {
			t.Errorf("%s: got %v", content, err)
		}
	}
}
