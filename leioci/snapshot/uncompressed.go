package snapshot

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync/atomic"
)

// uncompressed reads the content of a gzip file (RFC 1952), but no more than manifest.json states.
type uncompressed struct {
	ctx     context.Context
	stopped atomic.Bool // by whoever reads, who may be another goroutine
	file    io.Reader
	fileErr error     // the error that file returned
	digest  hash.Hash // of what was read from the file, unless nil
	gz      *gunzip
	limit   int64 // manifest.json's raw_size
	n       int64 // bytes read so far
	probe   [1]byte
}

// uncompressed returns a reader of the reports, positioned at the first.
func (s *Snapshot) uncompressed(ctx context.Context) *uncompressed {
	u := &uncompressed{ctx: ctx, file: s.cache.content(), limit: s.meta.RawSize}
	u.gz = newGunzip(fileReader{u}, fileBufferBytes)
	return u
}

// Read ends with io.EOF or a classified error: ErrCorrupt, ErrMismatch, the context's cause or the
// file's error.
func (u *uncompressed) Read(p []byte) (int, error) {
	if err := u.interrupted(); err != nil {
		return 0, err
	}
	atLimit := u.n == u.limit
	if atLimit { // the content should end here: read one more byte to find out
		p = u.probe[:]
	}
	n, err := u.gz.Read(p[:min(int64(len(p)), max(u.limit-u.n, 1))])
	if atLimit && n > 0 {
		return 0, &mismatchError{"raw size", u.limit, "more"}
	}
	u.n += int64(n)
	return n, u.classify(err)
}

// fill reads until p is full.
func (u *uncompressed) fill(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = u.Read(p[n:])
		n += m
	}
	return n, err
}

// interrupted returns an error if the reading is to end before the file does.
func (u *uncompressed) interrupted() error {
	if u.stopped.Load() {
		return errStop
	}
	return contextErr(u.ctx)
}

// classify tells damage in the file from a failure to read it.
func (u *uncompressed) classify(err error) error {
	switch {
	case err == nil, err == io.EOF:
		return err
	case u.fileErr != nil:
		return u.fileErr
	default:
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
}

// fileReader reads the compressed file. It checks the context too, because the gzip reader may read
// a whole file of empty members before it returns.
type fileReader struct{ u *uncompressed }

func (f fileReader) Read(p []byte) (int, error) {
	if err := f.u.interrupted(); err != nil {
		f.u.fileErr = err
		return 0, err
	}
	n, err := f.u.file.Read(p)
	if f.u.digest != nil {
		f.u.digest.Write(p[:n])
	}
	if err != nil && err != io.EOF {
		f.u.fileErr = err
	}
	return n, err
}

// contextErr returns the cause of ctx if it is done. The caller chooses the cause, which may be
// io.EOF; wrapping keeps it from being taken for the end of the file.
func contextErr(ctx context.Context) error {
	if ctx == nil {
		return errors.New("context: nil")
	}
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("stopped: %w", err)
	}
	return nil
}
