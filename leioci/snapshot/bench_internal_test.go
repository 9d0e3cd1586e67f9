package snapshot

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/lowendinsight/lei-go/leioci/internal/regular"
)

const benchReports = 100_000

// benchName returns the name of a repository in a snapshot of benchDir.
func benchName(n int) string {
	return fmt.Sprintf("https://git.example.org/team-%02d/project-%06d", n%1000, n)
}

// benchDir makes a snapshot of 100,000 reports like the sample's, of 3 KB each, in one member or in
// members of a size.
func benchDir(b *testing.B, memberBytes int) string {
	b.Helper()
	templates := sampleLines(b)
	name, user := regexp.MustCompile(`https://git\.example\.org/team-\d+/project-\d+`), regexp.MustCompile(`user\d{4}`)
	random := rand.New(rand.NewPCG(1, 2))
	var content strings.Builder
	var cache bytes.Buffer
	w := gzip.NewWriter(&cache)
	inMember := 0
	for n := range benchReports {
		line := name.ReplaceAllLiteral(templates[n%len(templates)], []byte(benchName(n)))
		for _, at := range user.FindAllIndex(line, -1) {
			copy(line[at[0]+4:], fmt.Sprintf("%04d", random.IntN(10_000)))
		}
		line = append(line, '\n')
		content.Write(line)
		_, _ = w.Write(line) // to memory
		if inMember += len(line); memberBytes > 0 && inMember >= memberBytes {
			_ = w.Close()
			w.Reset(&cache)
			inMember = 0
		}
	}
	_ = w.Close()
	return makeDir(b, content.String(), cache.Bytes())
}

// benchKinds runs f for one member, as the original makes it, and for many.
func benchKinds(b *testing.B, f func(b *testing.B, dir string)) {
	for kind, size := range map[string]int{"one": 0, "many": 256 << 10} {
		dir := benchDir(b, size)
		b.Run(kind, func(b *testing.B) { f(b, dir) })
	}
}

// BenchmarkGunzip is what the others are compared with.
func BenchmarkGunzip(b *testing.B) {
	benchKinds(b, func(b *testing.B, dir string) {
		s := openDir(b, dir)
		b.SetBytes(s.meta.RawSize)
		for b.Loop() {
			r, err := gzip.NewReader(s.cache.content())
			if err == nil {
				_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{r}, make([]byte, aheadChunkBytes))
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	benchKinds(b, func(b *testing.B, dir string) {
		s := openDir(b, dir)
		b.SetBytes(s.meta.RawSize)
		for b.Loop() {
			if err := s.Verify(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkIndex(b *testing.B) {
	benchKinds(b, func(b *testing.B, dir string) {
		s, root, err := openBoth(regular.OpenRoot, dir)
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = root.Close() }()
		defer s.Close()
		b.SetBytes(s.meta.RawSize)
		for b.Loop() {
			if err := s.makeIndex(b.Context(), root, dir); err != nil {
				b.Fatal(err)
			}
		}
		ix, err := openIndex(root)
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = ix.close() }()
		b.ReportMetric(100*float64(ix.Size)/float64(s.meta.CompressedSize), "%size")
	})
}

func BenchmarkAsk(b *testing.B) {
	benchKinds(b, func(b *testing.B, dir string) {
		if err := Index(b.Context(), dir); err != nil {
			b.Fatal(err)
		}
		b.Run("open", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s, err := Open(dir)
				if err != nil {
					b.Fatal(err)
				}
				_ = s.Close()
			}
		})
		s := openDir(b, dir)
		b.Run("risk", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if a, err := s.Risk(b.Context(), benchName(rand.IntN(benchReports))); err != nil || !a.Known() {
					b.Fatal(a, err)
				}
			}
		})
		b.Run("report", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for _, err := range s.Find(b.Context(), benchName(rand.IntN(benchReports))) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	})
}
