package snapshot

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// An index is a tree of pages. Those of its lowest level, the leaves, have the entries in order;
// those of each level above have the first key of each page of the level below, and the uppermost
// level is one page.
const (
	pageBytes     = 4096
	pageHead      = 16 // checksum, count, level, number and cache file
	leafEntries   = (pageBytes - pageHead) / entryBytes
	branchEntries = (pageBytes - pageHead) / keyBytes
	maxLevels     = 7
)

// errDamaged: an index is not as it was written.
var errDamaged = errors.New("the index is damaged")

// checksum is CRC-32C, which processors have an instruction for.
func checksum(data []byte) uint32 { return crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)) }

// A page is one of a level. What is stored in it says which one, and of which cache file, so that
// none is taken for another: a file that is open may be overwritten with another index.
type page [pageBytes]byte

// seal fills in the head of a page of count items, in the index of a cache file.
func (p *page) seal(level int, number int64, count int, cache identity) {
	binary.LittleEndian.PutUint16(p[4:], uint16(count)) //nolint:gosec // at most branchEntries
	binary.LittleEndian.PutUint16(p[6:], uint16(level)) //nolint:gosec // at most maxLevels
	binary.LittleEndian.PutUint64(p[8:], cache.page(number))
	binary.LittleEndian.PutUint32(p[:], checksum(p[4:])) // of the rest
}

// count checks that this is a certain page, and returns how many items it has: one or more.
func (p *page) count(level int, number int64, cache identity) (int, error) {
	most := leafEntries
	if level > 0 {
		most = branchEntries
	}
	n := int(binary.LittleEndian.Uint16(p[4:]))
	if binary.LittleEndian.Uint32(p[:]) != checksum(p[4:]) || n < 1 || n > most ||
		int(binary.LittleEndian.Uint16(p[6:])) != level || binary.LittleEndian.Uint64(p[8:]) != cache.page(number) {
		return 0, errDamaged
	}
	return n, nil
}

// entry returns the packed entry of a leaf.
func (p *page) entry(i int) []byte { return p[pageHead+i*entryBytes:][:entryBytes] }

// key returns the key of a branch.
func (p *page) key(i int) []byte { return p[pageHead+i*keyBytes:][:keyBytes] }

// page returns a page's number as it is in the index of this file, whose digest must be known.
func (i identity) page(number int64) uint64 {
	return binary.LittleEndian.Uint64(i.Digest[:]) ^ uint64(number) //nolint:gosec // never negative
}
