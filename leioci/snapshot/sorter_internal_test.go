package snapshot

import (
	"cmp"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

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
