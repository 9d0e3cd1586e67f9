package snapshot

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"io/fs"
)

const (
	// headerBytes is how much of an index is its header.
	headerBytes = 4096
	// indexVersion is the version of the format.
	indexVersion = 2
	// maxDetailsBytes is the size of the largest details.
	maxDetailsBytes = 256 << 10
)

// A header is the beginning of an index, little-endian, with a CRC-32C at its end.
type header struct {
	Magic    [8]byte
	Version  uint32
	Names    uint32 // the version of the rules for names
	Cache    identity
	Manifest identity
	Size     int64             // of the whole index
	Digest   [sha256.Size]byte // of what follows the header
	Details  span              // JSON
	Sum      uint32            // CRC-32C of the details
	Entries  int64
	Levels   [maxLevels]span // in pages; the leaves are the first
}

// A span is a part of an index.
type span struct{ Offset, Length int64 }

// An identity tells a file from others by its content, and cheaply by what the file system says.
type identity struct {
	Size     int64
	Digest   [sha256.Size]byte
	Modified int64 // nanoseconds
	Changed  int64 // nanoseconds, 0 where unknown
	Inode    uint64
}

var magic = [8]byte{'L', 'E', 'I', 'i', 'n', 'd', 'e', 'x'}

// identify returns the identity of a file without its digest.
func identify(info fs.FileInfo) identity {
	number, changed := inodeOf(info)
	return identity{Size: info.Size(), Modified: info.ModTime().UnixNano(), Changed: changed, Inode: number}
}

// is reports whether a file is the one that was identified, as far as the file system says.
func (i identity) is(info fs.FileInfo) bool {
	now := identify(info)
	now.Digest = i.Digest
	return i == now
}

// encode returns the header's bytes.
func (h header) encode() ([]byte, error) {
	data, err := binary.Append(make([]byte, 0, headerBytes), binary.LittleEndian, h)
	if err != nil {
		return nil, err
	}
	data = append(data, make([]byte, headerBytes-4-len(data))...)
	return binary.LittleEndian.AppendUint32(data, checksum(data)), nil
}

// decodeHeader reads the header of an index of a size, and returns errDamaged if it is none.
func decodeHeader(data []byte, size int64) (h header, err error) {
	end := headerBytes - 4
	if len(data) != headerBytes || binary.LittleEndian.Uint32(data[end:]) != checksum(data[:end]) {
		return h, errDamaged
	}
	n, err := binary.Decode(data, binary.LittleEndian, &h)
	rest := bytes.TrimLeft(data[n:end], "\x00")
	if err != nil || len(rest) > 0 || h.Magic != magic || h.Version != indexVersion || h.Names != canonicalRules || h.Size != size {
		return h, errDamaged
	}
	return h, h.check()
}

// check checks that all parts are within the index, and that the levels fit the number of entries.
func (h header) check() error {
	within := func(offset, length int64) bool {
		return offset >= headerBytes && length >= 0 && length <= h.Size && offset <= h.Size-length
	}
	if !within(h.Details.Offset, h.Details.Length) || h.Details.Length > maxDetailsBytes || h.Entries < 0 || h.Entries > h.Size {
		return errDamaged
	}
	items, perPage := h.Entries, int64(leafEntries)
	for i, level := range h.Levels {
		pages := (items + perPage - 1) / perPage
		if i > 0 && items <= 1 {
			pages = 0
		}
		if level.Length != pages || pages > 0 && (pages > h.Size/pageBytes || !within(level.Offset, pages*pageBytes)) {
			return errDamaged
		}
		items, perPage = pages, branchEntries
	}
	if items > 1 {
		return errDamaged
	}
	return nil
}

// height returns the number of levels.
func (h header) height() int {
	n := 0
	for n < maxLevels && h.Levels[n].Length > 0 {
		n++
	}
	return n
}
