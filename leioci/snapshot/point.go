package snapshot

import (
	"encoding/binary"

	"github.com/klauspost/compress/zstd"
)

const (
	// pointBytes is the size of a point without its window.
	pointBytes = 24
	// windowBytes is the size of the largest window (RFC 1951).
	windowBytes = 32 << 10
	// maxPackedBytes is the size of the largest window as it is in the index.
	maxPackedBytes = windowBytes + 1<<10
)

// A point is a mark as it is in an index:
//
//	checksum of the rest   4 bytes
//	length of the window   4 bytes, as it follows
//	where in the file      8 bytes
//	bit                    1 byte, and 7 of zeros
//	window                 as zstd has compressed it
func packPoint(m mark, window *zstd.Encoder) []byte {
	data := make([]byte, pointBytes, pointBytes+maxPackedBytes)
	if len(m.window) > 0 {
		data = window.EncodeAll(m.window, data)
	}
	binary.LittleEndian.PutUint32(data[4:], uint32(len(data)-pointBytes)) //nolint:gosec // at most maxPackedBytes
	binary.LittleEndian.PutUint64(data[8:], uint64(m.file))               //nolint:gosec // never negative
	data[16] = m.bit
	binary.LittleEndian.PutUint32(data, checksum(data[4:]))
	return data
}

// point reads the point at an offset.
func (ix *index) point(offset int64, in *inflater) (mark, error) {
	var head [pointBytes]byte
	if err := ix.readAt(head[:], offset); err != nil {
		return mark{}, err
	}
	length := binary.LittleEndian.Uint32(head[4:])
	if length > maxPackedBytes {
		return mark{}, errDamaged
	}
	data := in.packed[:pointBytes+length]
	if err := ix.readAt(data, offset); err != nil {
		return mark{}, err
	}
	m := mark{file: int64(binary.LittleEndian.Uint64(data[8:])), bit: data[16]} //nolint:gosec // checked below
	if binary.LittleEndian.Uint32(data) != checksum(data[4:]) || m.file < 0 || m.bit > 7 {
		return mark{}, errDamaged
	}
	if length > 0 {
		window, err := in.zstd.DecodeAll(data[pointBytes:], in.window[:0])
		if err != nil || len(window) > windowBytes {
			return mark{}, errDamaged
		}
		m.window = window
	}
	return m, nil
}
