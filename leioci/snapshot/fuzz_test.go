package snapshot_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

func FuzzReadMetadata(f *testing.F) {
	sample, err := os.ReadFile(filepath.Join(sampleDir, snapshot.ManifestFile))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(sample))
	f.Add(`{"date":"2026-02-08","created":"2026-02-08T00:00:00Z","repos":[null],"RAW_SIZE":1,"raw_size":-1}`)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, data string) {
		m, err := snapshot.ReadMetadata(strings.NewReader(data))
		if err != nil {
			if !errors.Is(err, snapshot.ErrNotSnapshot) {
				t.Errorf("%v is of no kind", err)
			}
			return
		}
		if m.Date.IsZero() && !strings.Contains(data, "0001-01-01") || m.EntryCount < 0 || m.RawSize < 0 || m.CompressedSize < 0 {
			t.Errorf("accepted %+v", m)
		}
	})
}

func FuzzReports(f *testing.F) {
	content := line("a") + "bad\n\n" + line("b")
	f.Add(compress(f, content), uint32(len(content)))
	f.Add(members(f, line("a"), "", line("b")), uint32(1<<20))
	f.Add(compress(f, strings.Repeat(" ", 1<<20)), uint32(1<<19))
	f.Add([]byte{}, uint32(0))
	f.Fuzz(func(t *testing.T, cache []byte, rawSize uint32) {
		m := describing("", cache)
		m["raw_size"] = rawSize
		s := open(t, write(t, m, cache))
		var number, total int64
		ended := false
		for report, err := range s.Reports(t.Context()) {
			if ended {
				t.Fatal("a step after the last")
			}
			if report.Line != number+1 {
				t.Fatalf("line %d after %d", report.Line, number)
			}
			number = report.Line
			total += int64(len(report.Raw))
			if len(report.Raw) > snapshot.MaxLineBytes || total > int64(rawSize) {
				t.Fatalf("%d bytes, %d in all", len(report.Raw), total)
			}
			if err != nil {
				lineErr := (*snapshot.LineError)(nil)
				if !errors.As(err, &lineErr) || lineErr.Line != number {
					t.Fatalf("%v does not name line %d", err, number)
				}
				ended = !errors.Is(err, snapshot.ErrMalformed)
			}
		}
		if err := s.Verify(t.Context()); ended && err == nil {
			t.Error("Verify did not find what Reports found")
		}
	})
}
