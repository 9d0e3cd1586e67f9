package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

// A storedBlob is a blob of another place, to be sent. It is opened anew for each attempt, and is
// never in memory.
type storedBlob struct {
	ctx  context.Context
	d    v1.Descriptor
	from store.Reader

	mu     sync.Mutex
	failed error // of reading it, in the last attempt
}

// errUnread ends the attempts to send a blob that cannot be read. Its place was asked often enough.
var errUnread = errors.New("the blob cannot be read")

// Compressed opens the blob. The verifying reader of its place returns an error before the last byte
// is sent if the content is wrong, so that no registry gets the whole of it.
func (b *storedBlob) Compressed() (io.ReadCloser, error) {
	rc, err := b.from.Blob(b.ctx, b.d)
	b.note(err)
	if err != nil {
		return nil, err
	}
	return &storedContent{ReadCloser: rc, blob: b}, nil
}

func (b *storedBlob) Size() (int64, error)                { return b.d.Size, nil }
func (b *storedBlob) Digest() (v1.Hash, error)            { return b.d.Digest, nil }
func (b *storedBlob) DiffID() (v1.Hash, error)            { return b.d.Digest, nil }
func (b *storedBlob) MediaType() (types.MediaType, error) { return b.d.MediaType, nil }

// Uncompressed is that of [v1.Layer]. Nobody asks for it.
func (b *storedBlob) Uncompressed() (io.ReadCloser, error) { return b.Compressed() }

func (b *storedBlob) note(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failed = err
}

// cannotBeRead reports whether the last attempt failed for that.
func (b *storedBlob) cannotBeRead() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failed != nil
}

// told returns the error of sending the blob. If reading it failed, that is the error to tell: what
// the registry made of it is a consequence.
func (b *storedBlob) told(err error) error {
	if err == nil || b.ctx.Err() != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failed != nil {
		return fmt.Errorf("read it from %s: %w", b.from, b.failed)
	}
	return err
}

// storedContent is the content of a storedBlob as it is sent.
type storedContent struct {
	io.ReadCloser
	blob    *storedBlob
	waiting atomic.Bool // for the place that it is read from
	closed  atomic.Bool
}

// Read notes the error of reading the blob, unless that comes of closing it: net/http does that when
// the registry fails.
func (c *storedContent) Read(p []byte) (int, error) {
	c.waiting.Store(true)
	n, err := c.ReadCloser.Read(p)
	c.waiting.Store(false)
	if err != nil && err != io.EOF && !c.closed.Load() {
		c.blob.note(err)
	}
	return n, err
}

// Waiting reports whether content is waited for. Its place has limits of its own for that, and tries
// again: the registry that it is sent to is not the one that stalls (package stall).
func (c *storedContent) Waiting() bool { return c.waiting.Load() }

func (c *storedContent) Close() error {
	c.closed.Store(true)
	return c.ReadCloser.Close()
}
