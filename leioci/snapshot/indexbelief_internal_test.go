package snapshot

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

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

func TestMetadataThatNoManifestHasIsNotBelieved(t *testing.T) {
	content := reportLines(3, 10)
	for name, change := range map[string]func(*Metadata){
		"raw size": func(m *Metadata) { m.RawSize = -9 }, "entry count": func(m *Metadata) { m.EntryCount = -1 },
		"date": func(m *Metadata) { m.Date = time.Time{} }, "created": func(m *Metadata) { m.Created = time.Time{} },
	} {
		dir, data := indexOf(t, content)
		var h header
		var d details
		_, _ = binary.Decode(data, binary.LittleEndian, &h)
		_ = json.Unmarshal(data[h.Details.Offset:], &d)
		change(&d.Metadata)
		text, _ := json.Marshal(d)
		h.Details.Length, h.Sum = int64(len(text)), checksum(text)
		h.Size = h.Details.Offset + h.Details.Length
		head, err := h.encode()
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, IndexFile), slices.Concat(head, data[headerBytes:h.Details.Offset], text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		s := openDir(t, dir)
		if err := s.Verify(t.Context()); err != nil || s.metaOfIndex {
			t.Errorf("%s: believed %t, %v", name, s.metaOfIndex, err)
		}
		for _, err := range s.Reports(t.Context()) {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
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
