package snapshot

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// makeDir makes a snapshot of a cache file whose content is known.
func makeDir(t testing.TB, content string, cache []byte) string {
	t.Helper()
	var joined []byte
	count := 0
	for line := range bytes.Lines([]byte(content)) {
		joined = append(joined, bytes.TrimSuffix(line, []byte("\n"))...)
		count++
	}
	hash := sha256.Sum256(joined)
	manifest, err := json.Marshal(map[string]any{
		"created": "2026-02-08T02:00:00Z", "date": "2026-02-08", "entry_count": count, "raw_size": len(content),
		"compressed_size": len(cache), "content_hash": hex.EncodeToString(hash[:]),
	})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, data := range map[string][]byte{ManifestFile: manifest, CacheFile: cache} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// reportLines returns n reports of different sizes, which repeat themselves and each other.
func reportLines(n, bytes int) string {
	random := rand.New(rand.NewPCG(7, 8))
	var all []byte
	for i := range n {
		all = fmt.Appendf(all, `{"data":{"repo":"r%d","risk":"%s"},"x":"`, i, risks[i%len(risks)])
		for range random.IntN(bytes) {
			all = fmt.Appendf(all, "%x", random.IntN(1<<(4*random.IntN(8))))
		}
		all = append(all, "\"}\n"...)
	}
	return string(all)
}

func openDir(t testing.TB, dir string) *Snapshot {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// Whoever has compressed it, and however, each report is found, and from a place not far from it.
func TestReportsAreReadFromTheMiddleOfAMember(t *testing.T) {
	content := reportLines(1200, 1000)
	const cut = 1<<20 + 1 // in the middle of a report
	for name, level := range map[string]int{
		"stored": gzip.NoCompression, "fast": gzip.BestSpeed, "usual": 6, "best": gzip.BestCompression, "Huffman": gzip.HuffmanOnly,
	} {
		dir := makeDir(t, content, append(member(t, gzip.Header{Name: "x"}, level, content[:cut]), member(t, gzip.Header{}, level, content[cut:])...))
		if err := Index(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
		s := openDir(t, dir)
		far, ix := uint32(0), s.opened
		for line, err := range s.parsed(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if crosses := line.offset < cut && line.offset+int64(len(line.raw)) > cut; line.line%41 > 0 && !crosses {
				continue
			}
			err := ix.find(t.Context(), keyOf(string(line.repo)), func(e entry) error {
				far = max(far, e.skip)
				report, err := ix.fetch(t.Context(), s.cache, e)
				if !bytes.Equal(report.Raw, line.raw) || report.Line != line.line {
					t.Errorf("%s: line %d: another report", name, line.line)
				}
				return err
			})
			if err != nil {
				t.Fatalf("%s: line %d: %v", name, line.line, err)
			}
		}
		if far > 2*markBytes || far < markBytes/2 {
			t.Errorf("%s: %d bytes are decompressed in vain", name, far)
		}
	}
}

// The answers to the original's reports are those that encoding/json finds.
func TestTheSamplesAnswersAreThoseOfEncodingJSON(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../testdata/lei-0.9.1")); err != nil {
		t.Fatal(err)
	}
	if err := Index(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	s := openDir(t, dir)
	for i, line := range sampleLines(t) {
		repo, risk, err := reference(line)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.Risk(t.Context(), repo); err != nil || got != (Answer{repo, 1, risk}) {
			t.Errorf("%s: got %+v, %v, want %s", repo, got, err, risk)
		}
		for report, err := range s.Find(t.Context(), repo) {
			if err != nil || report.Line != int64(i+1) || !bytes.Equal(report.Raw, line) || report.Risk != risk {
				t.Errorf("%s: line %d, %v", repo, report.Line, err)
			}
		}
	}
}

// indexOf returns an index, and the directory that it is in.
func indexOf(t testing.TB, content string) (dir string, data []byte) {
	t.Helper()
	dir = makeDir(t, content, member(t, gzip.Header{}, 6, content))
	if err := Index(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, IndexFile))
	if err != nil {
		t.Fatal(err)
	}
	return dir, data
}

func TestATreeOfSeveralLevelsIsSearched(t *testing.T) {
	var content []byte
	const n = leafEntries*branchEntries + 600
	for i := range n {
		content = fmt.Appendf(content, `{"data":{"repo":"%d"}}`+"\n", i-i%3)
	}
	dir, _ := indexOf(t, string(content))
	s := openDir(t, dir)
	if height := s.opened.height(); height != 3 {
		t.Errorf("%d levels", height)
	}
	for i := 0; i < n; i += 30 {
		for repo, want := range map[string]int64{fmt.Sprint(i): 3, fmt.Sprint(i + 1): 0} {
			if a, err := s.risksIn(t.Context(), s.opened, []string{repo}); err != nil || a[0].Reports != want {
				t.Fatalf("%s: %+v, %v", repo, a, err)
			}
		}
	}
}
