package snapshot

import (
	"bufio"
	"container/heap"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

const (
	// runEntries is how many entries are sorted in memory, in 5 MB.
	runEntries = 1 << 17
	// maxRuns is how many such runs are merged, with a buffer of runBufferBytes each.
	maxRuns        = 1024
	runBufferBytes = 16 << 10
)

// A sorter sorts any number of entries in bounded memory. What does not fit is in a file.
type sorter struct {
	newFile func() (*os.File, error)
	run     []packed
	file    *os.File // of the runs that are sorted; nil if there are none
	runs    int
}

// add takes an entry.
func (s *sorter) add(e packed) error {
	if len(s.run) == runEntries {
		if err := s.flush(); err != nil {
			return err
		}
	}
	s.run = append(s.run, e)
	return nil
}

// flush sorts the entries in memory and writes them to the file.
func (s *sorter) flush() error {
	if s.runs == maxRuns {
		return fmt.Errorf("%w of %d reports", ErrTooLarge, maxRuns*runEntries)
	}
	if s.file == nil {
		file, err := s.newFile()
		if err != nil {
			return err
		}
		s.file = file
	}
	slices.SortFunc(s.run, compareEntries)
	w := bufio.NewWriterSize(s.file, 1<<20)
	for i := range s.run {
		_, _ = w.Write(s.run[i][:]) // Flush returns the error
	}
	s.runs++
	s.run = s.run[:0]
	return w.Flush()
}

// each passes all entries on in order.
func (s *sorter) each(found func(packed) error) error {
	slices.SortFunc(s.run, compareEntries)
	var all merge
	for n := range s.runs {
		const bytes = runEntries * entryBytes
		all = append(all, &sortedRun{r: bufio.NewReaderSize(io.NewSectionReader(s.file, int64(n)*bytes, bytes), runBufferBytes)})
	}
	all = append(all, &sortedRun{memory: s.run})
	for i := 0; i < len(all); {
		switch err := all[i].next(); {
		case err == io.EOF:
			all = slices.Delete(all, i, i+1)
		case err != nil:
			return err
		default:
			i++
		}
	}
	heap.Init(&all)
	for len(all) > 0 {
		if err := found(all[0].first); err != nil {
			return err
		}
		switch err := all[0].next(); {
		case err == io.EOF:
			heap.Pop(&all)
		case err != nil:
			return err
		default:
			heap.Fix(&all, 0)
		}
	}
	return nil
}

// A sortedRun is what is left of a run.
type sortedRun struct {
	r      *bufio.Reader // nil if it is in memory
	memory []packed
	first  packed
}

// next reads the next entry into first.
func (r *sortedRun) next() error {
	if r.r != nil {
		_, err := io.ReadFull(r.r, r.first[:])
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("sorting: %w", err)
		}
		return err
	}
	if len(r.memory) == 0 {
		return io.EOF
	}
	r.first, r.memory = r.memory[0], r.memory[1:]
	return nil
}

// merge is a heap of runs by their first entries.
type merge []*sortedRun

func (m merge) Len() int           { return len(m) }
func (m merge) Less(i, j int) bool { return compareEntries(m[i].first, m[j].first) < 0 }
func (m merge) Swap(i, j int)      { m[i], m[j] = m[j], m[i] }
func (m *merge) Push(x any)        { *m = append(*m, x.(*sortedRun)) }
func (m *merge) Pop() any {
	last := (*m)[len(*m)-1]
	*m = (*m)[:len(*m)-1]
	return last
}
