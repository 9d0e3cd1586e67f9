package snapshot_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// BenchmarkWriter writes the sample's reports, again and again.
func BenchmarkWriter(b *testing.B) {
	content := strings.Repeat(contentOf(b, sampleDir), 20)
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	parent := b.TempDir()
	for b.Loop() {
		w, err := snapshot.Create(filepath.Join(parent, "new"), sampleOptions())
		if err != nil {
			b.Fatal(err)
		}
		if err := w.AddFrom(b.Context(), strings.NewReader(content)); err != nil {
			b.Fatal(err)
		}
		if err := w.Discard(); err != nil {
			b.Fatal(err)
		}
	}
}
