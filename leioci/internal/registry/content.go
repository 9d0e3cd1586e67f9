package registry

import (
	"errors"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// openContent opens a blob to be sent, which has size bytes. net/http reads what is longer than it
// said to its end, and what does not advance for ever, even after the request has ended: neither is
// left to it. A file has an end, and must not be wrapped: the kernel sends it by itself only if
// net/http sees an [*os.File].
func openContent(blob v1.Layer, size int64) (io.ReadCloser, error) {
	content, err := blob.Compressed()
	if err != nil {
		return nil, err
	}
	if IsNil(content) {
		return nil, errors.New("the layer has neither content nor an error")
	}
	if file, ok := content.(*os.File); ok {
		return file, nil
	}
	return &bounded{content, io.LimitedReader{R: content, N: size + 1}}, nil // with one byte more, it is seen to be too long
}

type bounded struct {
	io.Closer
	content io.LimitedReader
}

// Waiting reports whether the content is one that waits for another place (package stall).
func (b *bounded) Waiting() bool {
	from, ok := b.content.R.(interface{ Waiting() bool })
	return ok && from.Waiting()
}

// triesToRead is how often a reader may return nothing, as in package bufio.
const triesToRead = 100

func (b *bounded) Read(p []byte) (n int, err error) {
	for range triesToRead {
		if n, err = b.content.Read(p); n > 0 || err != nil || len(p) == 0 {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}
