package snapshot_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// sampleOptions are those of the sample's manifest.json.
func sampleOptions() snapshot.WriterOptions {
	return snapshot.WriterOptions{
		Created: time.Date(2026, 11, 23, 15, 40, 56, 323271000, time.UTC),
		Date:    time.Date(2026, 2, 8, 0, 0, 0, 0, time.UTC), LEIVersion: "0.9.1",
	}
}

func TestTheOriginalsManifestIsWritten(t *testing.T) {
	content := contentOf(t, sampleDir)
	dir := filepath.Join(t.TempDir(), "new")
	w, err := snapshot.Create(dir, sampleOptions())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.AddFrom(t.Context(), bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	meta, err := w.Commit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, snapshot.ManifestFile))
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join(sampleDir, snapshot.ManifestFile))
	if err != nil {
		t.Fatal(err)
	}
	cut := func(manifest []byte) string {
		before, _, _ := bytes.Cut(manifest, []byte(`"compressed_size"`))
		return string(before)
	}
	if cut(got) != cut(want) || got[len(got)-1] != '}' {
		t.Errorf("got %s", got)
	}
	s := open(t, dir)
	if s.Metadata() != meta {
		t.Errorf("Commit returned %+v, the snapshot says %+v", meta, s.Metadata())
	}
	if err := s.Verify(t.Context()); err != nil {
		t.Error(err)
	}
	if again := contentOf(t, dir); !bytes.Equal(again, content) {
		t.Error("the content differs")
	}
	t.Logf("%d bytes, the original's %d", meta.CompressedSize, open(t, sampleDir).Metadata().CompressedSize)
}

// contentOf returns the uncompressed reports of a snapshot.
func contentOf(t testing.TB, dir string) []byte {
	t.Helper()
	var content []byte
	for report, err := range open(t, dir).Reports(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		content = append(append(content, report.Raw...), '\n')
	}
	return content
}
