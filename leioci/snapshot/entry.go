package snapshot

import (
	"bytes"
	"encoding/binary"
)

const (
	keyBytes   = 16
	orderBytes = keyBytes + 5 // key and line: what entries are sorted by
	entryBytes = 40
)

// A packed entry is one as it is in the index. Its bytes sort as the entries do.
type packed [entryBytes]byte

// An entry locates a report.
type entry struct {
	key    repoKey
	line   int64  // of which 5 bytes are kept
	risk   uint8  // see riskCode
	point  int64  // where in the index the point is from which on to decompress; 6 bytes
	skip   uint32 // what comes between that and the report
	length uint32 // of the report
	sum    uint32 // CRC-32C of the report
}

func (e entry) pack() (p packed) {
	copy(p[:], e.key[:])
	var number [8]byte
	binary.BigEndian.PutUint64(number[:], uint64(e.line)) //nolint:gosec // never negative
	copy(p[keyBytes:orderBytes], number[3:])
	p[21] = e.risk
	binary.BigEndian.PutUint64(number[:], uint64(e.point)) //nolint:gosec // never negative
	copy(p[22:28], number[2:])
	binary.LittleEndian.PutUint32(p[28:], e.skip)
	binary.LittleEndian.PutUint32(p[32:], e.length)
	binary.LittleEndian.PutUint32(p[36:], e.sum)
	return p
}

func unpack(p []byte) (e entry) {
	copy(e.key[:], p)
	var number [8]byte
	copy(number[3:], p[keyBytes:orderBytes])
	e.line = int64(binary.BigEndian.Uint64(number[:])) //nolint:gosec // of 5 bytes
	e.risk = p[21]
	number = [8]byte{}
	copy(number[2:], p[22:28])
	e.point = int64(binary.BigEndian.Uint64(number[:])) //nolint:gosec // of 6 bytes
	e.skip = binary.LittleEndian.Uint32(p[28:])
	e.length = binary.LittleEndian.Uint32(p[32:])
	e.sum = binary.LittleEndian.Uint32(p[36:])
	return e
}

func compareEntries(a, b packed) int { return bytes.Compare(a[:orderBytes], b[:orderBytes]) }
