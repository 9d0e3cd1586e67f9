package snapshot

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// rot changes manifest.json as a failing disk does: no file system notices.
func rot(t *testing.T, dir, was, is string) {
	t.Helper()
	manifest, index := filepath.Join(dir, ManifestFile), filepath.Join(dir, IndexFile)
	text, err := os.ReadFile(manifest)
	if err == nil {
		err = os.WriteFile(manifest, bytes.Replace(text, []byte(was), []byte(is), 1), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	var h header
	_, _ = binary.Decode(data, binary.LittleEndian, &h)
	info, err := os.Stat(manifest)
	if err != nil {
		t.Fatal(err)
	}
	digest := h.Manifest.Digest
	h.Manifest = identify(info)
	h.Manifest.Digest = digest
	head, err := h.encode()
	if err == nil {
		err = os.WriteFile(index, append(head, data[headerBytes:]...), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhoVerifiesReadsTheManifestThoughThereIsAnIndex(t *testing.T) {
	for name, test := range map[string]struct {
		was, is string
		want    error
	}{
		"entry count":  {`"entry_count":3`, `"entry_count":2`, ErrMismatch},
		"raw size":     {`"raw_size":`, `"raw_size":1`, ErrMismatch},
		"content hash": {`"content_hash":"`, `"content_hash":"0`, ErrMismatch},
		"syntax":       {`{`, `[`, ErrNotSnapshot},
		"nothing":      {`{`, `{`, nil},
	} {
		dir, _ := indexOf(t, reportLines(3, 10))
		rot(t, dir, test.was, test.is)
		s := openDir(t, dir)
		if indexed, err := s.Indexed(t.Context()); test.was == test.is && (!indexed || err != nil) {
			t.Fatal("not believed:", err)
		}
		_, summaryErr := s.VerifySummary(t.Context())
		for _, err := range []error{s.Verify(t.Context()), summaryErr, VerifyAndIndex(t.Context(), dir)} {
			if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
				t.Errorf("%s: got %v, want %v", name, err, test.want)
			}
		}
	}
}

func TestAnIndexMadeAnewHasWhatTheManifestSaysNow(t *testing.T) {
	dir, _ := indexOf(t, reportLines(3, 10))
	rot(t, dir, `"date":"2026-02-08"`, `"date":"2026-02-09"`)
	if err := VerifyAndIndex(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if date := openDir(t, dir).Metadata().Date; date.Day() != 9 {
		t.Error("got", date)
	}
}
