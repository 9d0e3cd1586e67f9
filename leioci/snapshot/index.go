package snapshot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"sort"
	"sync"

	"github.com/lowendinsight/lei-go/leioci/internal/regular"
)

// IndexFile is the name of the index, which [Index] makes beside the snapshot's two files.
const IndexFile = "index.lei"

// An index is an open index. It keeps next to nothing in memory.
type index struct {
	file *os.File
	header
	details   details
	pages     sync.Pool // of *page
	inflaters sync.Pool // of *inflater
}

// details are what an index knows of the snapshot as a whole.
type details struct {
	Metadata Metadata
	Summary  Summary
}

// openIndex opens the index in root.
func openIndex(root *os.Root) (*index, error) {
	file, info, err := regular.OpenIn(root, IndexFile)
	if err != nil {
		return nil, err
	}
	ix := &index{file: file}
	if err := ix.read(info.Size()); err != nil {
		_ = file.Close() // opened for reading: nothing to lose
		return nil, err
	}
	return ix, nil
}

// read reads the header and the details of an index of a size.
func (ix *index) read(size int64) (err error) {
	head := make([]byte, headerBytes)
	if err := ix.readAt(head, 0); err != nil {
		return err
	}
	if ix.header, err = decodeHeader(head, size); err != nil {
		return err
	}
	data := make([]byte, ix.Details.Length)
	if err := ix.readAt(data, ix.Details.Offset); err != nil {
		return err
	}
	if checksum(data) != ix.Sum || json.Unmarshal(data, &ix.details) != nil || !ix.details.Metadata.possible() {
		return errDamaged
	}
	return nil
}

// readAt fills p. What is not there is damage.
func (ix *index) readAt(p []byte, offset int64) error {
	n, err := ix.file.ReadAt(p, offset)
	if n == len(p) {
		return nil
	}
	if err == io.EOF {
		return errDamaged
	}
	return err
}

// page reads a page. The caller must give it back to ix.pages.
func (ix *index) page(level int, number int64) (p *page, count int, err error) {
	p, _ = ix.pages.Get().(*page)
	if p == nil {
		p = new(page)
	}
	err = ix.readAt(p[:], ix.Levels[level].Offset+number*pageBytes)
	if err == nil {
		count, err = p.count(level, number, ix.Cache)
	}
	if err != nil {
		ix.pages.Put(p)
		return nil, 0, err
	}
	return p, count, nil
}

// find passes the entries of a key to found, in the order of their lines.
func (ix *index) find(ctx context.Context, key repoKey, found func(entry) error) error {
	number, err := ix.leaf(key)
	if err != nil {
		return err
	}
	for more := true; more && number < ix.Levels[0].Length; number++ {
		if err := contextErr(ctx); err != nil {
			return err
		}
		if more, err = ix.findIn(number, key, found); err != nil {
			return err
		}
	}
	return nil
}

// leaf returns the number of the first leaf that may have entries of a key.
func (ix *index) leaf(key repoKey) (number int64, err error) {
	for level := ix.height() - 1; level > 0; level-- {
		p, count, err := ix.page(level, number)
		if err != nil {
			return 0, err
		}
		// Entries of the key may begin at the end of the page before the first that begins with it.
		i := sort.Search(count, func(i int) bool { return bytes.Compare(p.key(i), key[:]) >= 0 })
		number = number*branchEntries + int64(max(i-1, 0))
		ix.pages.Put(p)
	}
	return number, nil
}

// findIn is find in one leaf. It reports whether there may be more in the next.
func (ix *index) findIn(number int64, key repoKey, found func(entry) error) (more bool, err error) {
	p, count, err := ix.page(0, number)
	if err != nil {
		return false, err
	}
	defer ix.pages.Put(p)
	i := sort.Search(count, func(i int) bool { return bytes.Compare(p.entry(i)[:keyBytes], key[:]) >= 0 })
	for ; i < count; i++ {
		e := unpack(p.entry(i))
		if e.key != key {
			return false, nil
		}
		if err := found(e); err != nil {
			return false, err
		}
	}
	return true, nil
}

// close closes the index.
func (ix *index) close() error {
	if ix == nil {
		return nil
	}
	return ix.file.Close()
}

// isDamage tells what is wrong with an index from a failure to read it.
func isDamage(err error) bool { return errors.Is(err, errDamaged) }
