package snapshot

import (
	"bufio"
	"compress/gzip"
	"context"
	"fmt"
	"io"
)

// fileBufferBytes is how much of the compressed file is read at once.
const fileBufferBytes = 64 << 10

// uncompressed reads the content of a gzip file (RFC 1952), no more of it than manifest.json promises.
type uncompressed struct {
	ctx    context.Context
	file   io.Reader
	failed error // what file failed with
	gz     *gzip.Reader
	limit  int64 // manifest.json's raw_size
	n      int64 // bytes read so far
	probe  [1]byte
}

// Read ends with io.EOF, or with an error that names its kind: ErrCorrupt, ErrMismatch,
// the context's cause or the file's error.
func (u *uncompressed) Read(p []byte) (int, error) {
	if err := ended(u.ctx); err != nil {
		return 0, err
	}
	if u.gz == nil {
		if err := u.open(); err != nil {
			return 0, u.kind(err)
		}
	}
	over := u.n == u.limit
	if over { // whether the content ends here, where it should, takes another byte to know
		p = u.probe[:]
	}
	n, err := u.gz.Read(p[:min(int64(len(p)), max(u.limit-u.n, 1))])
	if over && n > 0 {
		return 0, &mismatchError{"raw size", u.limit, "more"}
	}
	u.n += int64(n)
	return n, u.kind(err)
}

// open reads the header of the first member.
func (u *uncompressed) open() (err error) {
	u.gz, err = gzip.NewReader(bufio.NewReaderSize(fileReader{u}, fileBufferBytes))
	if err == io.EOF {
		return io.ErrUnexpectedEOF // RFC 1952: a file has at least one member
	}
	return err
}

// kind tells damage in the file from a failure to read it.
func (u *uncompressed) kind(err error) error {
	switch {
	case err == nil, err == io.EOF:
		return err
	case u.failed != nil:
		return u.failed
	default:
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
}

// fileReader is an uncompressed's file. It looks at the context as well, because the gzip reader
// may read all of a file that has members but no content before it returns.
type fileReader struct{ u *uncompressed }

func (f fileReader) Read(p []byte) (int, error) {
	if err := ended(f.u.ctx); err != nil {
		f.u.failed = err
		return 0, err
	}
	n, err := f.u.file.Read(p)
	if err != nil && err != io.EOF {
		f.u.failed = err
	}
	return n, err
}

// ended returns why ctx has ended, if it has. The cause is the caller's choice and may be io.EOF;
// wrapped, it is not taken for the end of the file.
func ended(ctx context.Context) error {
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("stopped: %w", err)
	}
	return nil
}
