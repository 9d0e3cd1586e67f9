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
	const times = `"date":"2026-02-08","created":"2026-02-08T00:00:00Z"`
	for name, test := range map[string]struct{ data, why string }{
		"nothing":             {``, "unexpected end"},
		"not JSON":            {`hello`, "invalid character"},
		"an array":            {`[]`, "not a JSON object"},
		"null":                {`null`, "not a JSON object"},
		"a number":            {`1`, "not a JSON object"},
		"trailing data":       {`{` + times + `} {}`, "after top-level value"},
		"half":                {`{` + times, "unexpected end"},
		"not UTF-8":           {"{" + times + ",\"lei_version\":\"\xff\"}", "not UTF-8"},
		"no date":             {`{"created":"2026-02-08T00:00:00Z"}`, "date is missing"},
		"null date":           {`{"date":null,"created":"2026-02-08T00:00:00Z"}`, "date is missing"},
		"bad date":            {`{"date":"2026-02-30","created":"2026-02-08T00:00:00Z"}`, `date "2026-02-30"`},
		"date with time":      {`{"date":"2026-02-08T00:00:00Z","created":"2026-02-08T00:00:00Z"}`, "is not a valid"},
		"date a number":       {`{"date":20260208,"created":"2026-02-08T00:00:00Z"}`, "date is not a string"},
		"no created":          {`{"date":"2026-02-08"}`, "created is missing"},
		"bad created":         {`{"date":"2026-02-08","created":"yesterday"}`, `created "yesterday"`},
		"negative count":      {`{` + times + `,"entry_count":-1}`, "entry_count is negative: -1"},
		"negative raw":        {`{` + times + `,"raw_size":-2}`, "raw_size is negative: -2"},
		"negative compressed": {`{` + times + `,"compressed_size":-3}`, "compressed_size is negative: -3"},
		"a fraction":          {`{` + times + `,"raw_size":1.5}`, "raw_size is not a 64-bit integer"},
		"too large a number":  {`{` + times + `,"raw_size":9223372036854775808}`, "raw_size is not a 64-bit integer"},
		"repos not an array":  {`{` + times + `,"repos":"x"}`, "repos is not an array"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := snapshot.ReadMetadata(strings.NewReader(test.data))
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
	if m.EntryCount != 0 || m.RawSize != 0 || m.ContentHash != "" || m.Repos != nil {
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
