package snapshot

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
)

// fileBufferBytes is the size of one read from the compressed file.
const fileBufferBytes = 64 << 10

// uncompressed reads the content of a gzip file (RFC 1952), but no more than manifest.json states.
type uncompressed struct {
	ctx     context.Context
	file    io.Reader
	fileErr error // the error that file returned
	gz      *gzip.Reader
	limit   int64 // manifest.json's raw_size
	n       int64 // bytes read so far
	probe   [1]byte
}

// Read ends with io.EOF or a classified error: ErrCorrupt, ErrMismatch, the context's cause or the
// file's error.
func (u *uncompressed) Read(p []byte) (int, error) {
	if err := contextErr(u.ctx); err != nil {
		return 0, err
	}
	if u.gz == nil {
		if err := u.open(); err != nil {
			return 0, u.classify(err)
		}
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

// open reads the header of the first member.
func (u *uncompressed) open() (err error) {
	u.gz, err = gzip.NewReader(bufio.NewReaderSize(fileReader{u}, fileBufferBytes))
	if err == io.EOF {
		return io.ErrUnexpectedEOF // RFC 1952: a file has at least one member
	}
	return err
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
	if err := contextErr(f.u.ctx); err != nil {
		f.u.fileErr = err
		return 0, err
	}
	n, err := f.u.file.Read(p)
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
