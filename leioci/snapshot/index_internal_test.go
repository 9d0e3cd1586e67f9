package snapshot

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
			if crosses := line.offset < cut && line.offset+int64(len(line.raw)) > cut; line.line%7 > 0 && !crosses {
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

func TestASorterSortsMoreThanItHoldsInMemory(t *testing.T) {
	dir := t.TempDir()
	files := 0
	s := sorter{newFile: func() (*os.File, error) {
		files++
		return os.Create(filepath.Join(dir, "runs"))
	}}
	const n = 2*runEntries + 1000
	random := rand.New(rand.NewPCG(9, 10))
	var want uint64
	for i := range n {
		key := repoKey{}
		binary.LittleEndian.PutUint64(key[8:], random.Uint64N(n)) // some are the same
		want += uint64(key[8]) * uint64(i+1)
		if err := s.add(entry{key: key, line: int64(i + 1)}.pack()); err != nil {
			t.Fatal(err)
		}
	}
	var last packed
	var got uint64
	count := 0
	if err := s.each(func(e packed) error {
		if count++; compareEntries(last, e) >= 0 {
			return errors.New("not in order")
		}
		last = e
		got += uint64(unpack(e[:]).key[8]) * uint64(unpack(e[:]).line)
		return nil
	}); err != nil || count != n || got != want || files != 1 {
		t.Errorf("%d entries, %v, %d files", count, err, files)
	}
	_ = s.file.Close()
}

func TestAnEntryIsUnpackedAsItWasPacked(t *testing.T) {
	e := entry{key: repoKey{1, 15: 2}, line: 1<<40 - 1, risk: 5, point: 1<<48 - 2, skip: 1<<32 - 3, length: MaxLineBytes, sum: 1<<32 - 4}
	packed := e.pack()
	if got := unpack(packed[:]); got != e {
		t.Errorf("got %+v, want %+v", got, e)
	}
	if later := (entry{key: e.key, line: 1 << 39}).pack(); compareEntries(later, packed) >= 0 || cmp.Compare(later[0], packed[0]) != 0 {
		t.Error("not in the order of lines")
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

// reseal makes the checksums of an index right, whatever it says.
func reseal(data []byte) {
	if len(data) < headerBytes {
		return
	}
	var h header
	_, _ = binary.Decode(data, binary.LittleEndian, &h)
	for _, level := range h.Levels {
		for n := range min(level.Length, 100) {
			if at := level.Offset + n*pageBytes; at >= headerBytes && at <= int64(len(data))-pageBytes {
				binary.LittleEndian.PutUint32(data[at:], checksum(data[at+4:at+pageBytes]))
			}
		}
	}
	binary.LittleEndian.PutUint32(data[headerBytes-4:], checksum(data[:headerBytes-4]))
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

func TestAnIndexOfAnotherVersionIsMadeAnew(t *testing.T) {
	for name, at := range map[string]int{"format": 8, "names": 12} {
		dir, data := indexOf(t, reportLines(3, 10))
		path := filepath.Join(dir, IndexFile)
		data[at]++
		reseal(data)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if indexed, err := openDir(t, dir).Indexed(t.Context()); indexed || err != nil {
			t.Errorf("%s: believed, %v", name, err)
		}
		if err := Index(t.Context(), dir); err != nil {
			t.Error(err)
		}
		if indexed, err := openDir(t, dir).Indexed(t.Context()); !indexed || err != nil {
			t.Errorf("%s: not made anew, %v", name, err)
		}
	}
}

// Though all checksums are right, an entry that leads to another repository's report is not
// believed.
func TestAReportOfAnotherRepositoryIsNotReturned(t *testing.T) {
	dir, data := indexOf(t, reportLines(2, 10))
	var h header
	_, _ = binary.Decode(data, binary.LittleEndian, &h)
	first := h.Levels[0].Offset + pageHead
	a, b := unpack(data[first:]), unpack(data[first+entryBytes:])
	a.key, b.key = b.key, a.key
	for i, e := range []entry{b, a} {
		packed := e.pack()
		copy(data[first+int64(i)*entryBytes:], packed[:])
	}
	reseal(data)
	if err := os.WriteFile(filepath.Join(dir, IndexFile), data, 0o600); err != nil {
		t.Fatal(err)
	}
	s := openDir(t, dir)
	for _, repo := range []string{"r0", "r1"} {
		n := 0
		for report, err := range s.Find(t.Context(), repo) {
			if n++; err != nil || report.Repo != repo {
				t.Errorf("%s: got %s, %v", repo, report.Repo, err)
			}
		}
		if n != 1 {
			t.Errorf("%s: %d reports", repo, n)
		}
	}
	if indexed, _ := s.Indexed(t.Context()); indexed {
		t.Error("it is still used")
	}
}

func TestReportsAreReturnedOnceThoughTheIndexTurnsOutToBeDamaged(t *testing.T) {
	content := strings.Repeat(`{"data":{"repo":"r"}}`+"\n", 5)
	dir, data := indexOf(t, content)
	var h header
	_, _ = binary.Decode(data, binary.LittleEndian, &h)
	third := data[h.Levels[0].Offset+pageHead+2*entryBytes:]
	e := unpack(third)
	e.sum++
	packed := e.pack()
	copy(third, packed[:])
	reseal(data)
	if err := os.WriteFile(filepath.Join(dir, IndexFile), data, 0o600); err != nil {
		t.Fatal(err)
	}
	var lines []int64
	for report, err := range openDir(t, dir).Find(t.Context(), "r") {
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, report.Line)
	}
	if !slices.Equal(lines, []int64{1, 2, 3, 4, 5}) {
		t.Errorf("lines %v", lines)
	}
}

func TestADiscardedIndexLeavesNothingOpenAndNothingBehind(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	f, err := newIndexFile(root, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	file, scratch := f.file, []*os.File{}
	for range 2 {
		s, err := f.scratch()
		if err != nil {
			t.Fatal(err)
		}
		scratch = append(scratch, s)
	}
	f.discard()
	for _, file := range append(scratch, file) {
		if err := file.Close(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s: %v", file.Name(), err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestEachPartOfAnIndexIsCheckedByItself(t *testing.T) {
	dir, data := indexOf(t, reportLines(3, 10))
	for i := range headerBytes {
		head := bytes.Clone(data[:headerBytes])
		head[i] ^= 1
		if _, err := decodeHeader(head, int64(len(data))); !errors.Is(err, errDamaged) {
			t.Errorf("byte %d of the header: %v", i, err)
		}
	}
	s := openDir(t, dir)
	in, err := newInflater()
	if err != nil {
		t.Fatal(err)
	}
	var found entry
	if err := s.opened.find(t.Context(), keyOf("r0"), func(e entry) error { found = e; return nil }); err != nil {
		t.Fatal(err)
	}
	for i := range int64(pointBytes) {
		changed := bytes.Clone(data)
		changed[found.point+i] ^= 1
		path := filepath.Join(t.TempDir(), IndexFile)
		if err := os.WriteFile(path, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := (&index{file: f}).point(found.point, in); !errors.Is(err, errDamaged) {
			t.Errorf("byte %d of a point: %v", i, err)
		}
		_ = f.Close()
	}
	if report, err := s.opened.fetch(t.Context(), s.cache, found); err != nil || report.Repo != "r0" {
		t.Errorf("got %s, %v", report.Repo, err)
	}
	found.sum++
	if _, err := s.opened.fetch(t.Context(), s.cache, found); !errors.Is(err, errDamaged) {
		t.Errorf("a report with another checksum: %v", err)
	}
}

// An index may hold anything. What it says may then be wrong, but reading it ends, and does not
// panic.
func FuzzIndex(f *testing.F) {
	dir, data := indexOf(f, reportLines(300, 10))
	f.Add(uint32(0), uint64(1), uint32(4100), uint64(1<<40))
	for at := 0; at < 400; at += 8 {
		f.Add(uint32(at), uint64(1)<<62, uint32(at+4), uint64(1)<<33)
	}
	f.Fuzz(func(t *testing.T, at uint32, value uint64, at2 uint32, value2 uint64) {
		changed := bytes.Clone(data)
		for at, value := range map[uint32]uint64{at: value, at2: value2} {
			if int(at) < len(changed)-8 {
				binary.LittleEndian.PutUint64(changed[at:], value)
			}
		}
		reseal(changed)
		if err := os.WriteFile(filepath.Join(dir, IndexFile), changed, 0o600); err != nil {
			t.Fatal(err)
		}
		s := openDir(t, dir)
		for n := range 5 {
			repo := fmt.Sprint("r", n*70)
			for report, err := range s.Find(t.Context(), repo) {
				if err == nil && report.Repo != repo {
					t.Errorf("%s: got %s", repo, report.Repo)
				}
			}
			if _, err := s.Risk(t.Context(), repo); err != nil {
				t.Error(err)
			}
		}
	})
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
