package verify

import (
	"context"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// All reads r to its end and returns nil if the content has the given digest and size. It stops
// with the cause of ctx when ctx ends.
func All(ctx context.Context, r io.Reader, digest v1.Hash, size int64) error {
	v, err := NewReader(Until(ctx, r), digest, size, size)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, v)
	return err
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
