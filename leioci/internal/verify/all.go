package verify

import (
	"context"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// All reads r to its end and returns nil if the content has the given digest and size. It stops
// with the cause of ctx when ctx ends.
func All(ctx context.Context, r io.Reader, digest v1.Hash, size int64) error {
	if inMemory, ok := r.(io.WriterTo); ok && size != SizeUnknown {
		v, err := NewReader(nil, digest, size, size)
		if err != nil {
			return err
		}
		return v.all(ctx, inMemory)
	}
	v, err := NewReader(Until(ctx, r), digest, size, size)
	if err != nil {
		return err
	}
	_, err = v.WriteTo(io.Discard)
	return err
}

// all is All for a reader that may have its content in memory, and then need not copy it.
func (v *Reader) all(ctx context.Context, r io.WriterTo) error {
	_, err := r.WriteTo(&sink{ctx, v})
	if v.err == nil {
		if err == nil {
			err = io.EOF
		}
		v.take(nil, err)
	}
	if v.err == io.EOF {
		return nil
	}
	return v.err
}

// sink takes content, a piece at a time.
type sink struct {
	ctx context.Context
	v   *Reader
}

func (s *sink) Write(p []byte) (n int, err error) {
	for n < len(p) {
		if err := context.Cause(s.ctx); err != nil {
			return n, err
		}
		piece := p[n:min(len(p), n+bufferSize)]
		if s.v.take(piece, nil); s.v.err != nil {
			return n, s.v.err
		}
		n += len(piece)
	}
	return n, nil
}

// Until returns a reader of r that fails with the cause of ctx once ctx has ended.
func Until(ctx context.Context, r io.Reader) io.Reader { return untilReader{ctx, r} }

type untilReader struct {
	ctx context.Context
	r   io.Reader
}

func (u untilReader) Read(p []byte) (int, error) {
	if err := context.Cause(u.ctx); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}
