package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/klauspost/compress/zstd"
)

// An inflater decompresses reports, one at a time, each from the point before it.
type inflater struct {
	content uncompressed
	parser  parser
	zstd    *zstd.Decoder
	packed  []byte
	window  []byte
	skipped []byte
}

// inflaterBufferBytes is the size of one read from the compressed file: a report takes about one.
const inflaterBufferBytes = 16 << 10

func newInflater() (*inflater, error) {
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(windowBytes))
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	return &inflater{
		content: uncompressed{gz: newGunzip(nil, inflaterBufferBytes), limit: math.MaxInt64},
		zstd:    decoder,
		packed:  make([]byte, pointBytes+maxPackedBytes),
		window:  make([]byte, 0, windowBytes),
		skipped: make([]byte, windowBytes),
	}, nil
}

// fetch reads the report of an entry from the cache file. Its Raw is a copy. What is not what was
// indexed is errDamaged.
func (ix *index) fetch(ctx context.Context, cache File, e entry) (Report, error) {
	if e.length > MaxLineBytes || e.skip > maxSkip {
		return Report{}, errDamaged
	}
	in, _ := ix.inflaters.Get().(*inflater)
	if in == nil {
		var err error
		if in, err = newInflater(); err != nil {
			return Report{}, err
		}
	}
	defer ix.inflaters.Put(in)
	at, err := ix.point(e.point, in)
	if err != nil {
		return Report{}, err
	}
	raw := make([]byte, e.length)
	if err := in.read(ctx, cache, at, int(e.skip), raw); err != nil {
		return Report{}, err
	}
	line, err := in.parser.parse(e.line, raw)
	if err != nil || checksum(raw) != e.sum || keyOf(string(line.repo)) != e.key {
		return Report{}, errDamaged
	}
	return line.report(), nil
}

// read fills raw with what is in the cache file, at a mark and some bytes beyond it.
func (in *inflater) read(ctx context.Context, cache File, at mark, skip int, raw []byte) error {
	u := &in.content
	u.ctx, u.fileErr, u.n = ctx, nil, 0
	u.file = io.NewSectionReader(cache.file, at.file, cache.info.Size()-at.file)
	defer func() { u.ctx, u.file = nil, nil }()
	if err := u.gz.resume(fileReader{u}, at); err != nil {
		return in.failed(err)
	}
	for skip > 0 {
		n, err := u.fill(in.skipped[:min(skip, len(in.skipped))])
		if skip -= n; err != nil {
			return in.failed(err)
		}
	}
	if n, err := u.fill(raw); n < len(raw) {
		return in.failed(err)
	}
	return nil
}

// failed tells a failure to read from content that is not what was indexed.
func (in *inflater) failed(err error) error {
	if in.content.fileErr != nil || contextErr(in.content.ctx) != nil {
		return err
	}
	return errors.Join(errDamaged, err)
}
