package snapshot_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// FuzzAddFrom: what is accepted is verified, and means what was given.
func FuzzAddFrom(f *testing.F) {
	for _, input := range inputs(f) {
		f.Add([]byte(input))
		f.Add(compress(f, input))
	}
	f.Add([]byte(line("a") + `{"data":{"repo":"\ud83d","risk":1e5}}` + "\x00"))
	f.Add([]byte(`{"data":{"repo":"a","\u0072epo":"b"}}`))
	f.Fuzz(func(t *testing.T, input []byte) {
		w, dir := create(t)
		if err := w.AddFrom(t.Context(), bytes.NewReader(input)); err != nil {
			at := (*snapshot.InputError)(nil)
			if !errors.As(err, &at) && !errors.Is(err, snapshot.ErrCorrupt) {
				t.Errorf("%v is of no kind", err)
			}
			return
		}
		meta, err := w.Commit(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s := open(t, dir)
		if err := s.Verify(t.Context()); err != nil {
			t.Error(err)
		}
		repos := map[string]bool{}
		var lines []string
		for report, err := range s.Reports(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			repos[report.Repo] = true
			lines = append(lines, string(report.Raw))
			var compact bytes.Buffer
			if err := json.Compact(&compact, report.Raw); err != nil || compact.String() != string(report.Raw) {
				t.Errorf("%q is not compact: %v", report.Raw, err)
			}
		}
		if len(lines) != int(meta.EntryCount) || len(repos) != len(reposOf(t, s)) {
			t.Errorf("%d reports on %d repositories, manifest.json says %d on %d", len(lines), len(repos), meta.EntryCount, len(reposOf(t, s)))
		}
		if given, ok := plainReports(input); ok && fmt.Sprintf("%q", given) != fmt.Sprintf("%q", lines) {
			t.Errorf("got %q, want %q", lines, given)
		}
	})
}

// plainReports returns the reports of an input of reports alone, each without white space.
func plainReports(input []byte) (reports []string, ok bool) {
	for d := json.NewDecoder(bytes.NewReader(input)); ; {
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return reports, err == io.EOF
		}
		var form map[string]json.RawMessage
		if json.Unmarshal(raw, &form) != nil || form["report"] != nil || form["entries"] != nil || form["key"] != nil {
			return nil, false
		}
		var compact bytes.Buffer
		if json.Compact(&compact, raw) != nil {
			return nil, false
		}
		reports = append(reports, compact.String())
	}
}
