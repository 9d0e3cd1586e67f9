package leioci

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/static"

	"github.com/lowendinsight/lei-go/leioci/internal/limit"
	"github.com/lowendinsight/lei-go/leioci/internal/resume"
	"github.com/lowendinsight/lei-go/leioci/internal/verify"
)

// NewBlob returns data as a layer for [Client.Push]. Data that does not have the digest is [ErrVerification].
// The data is not copied; do not change it afterwards. The layer's media type says nothing: it is the manifest
// that gives a blob its type.
func NewBlob(digest v1.Hash, data []byte) (v1.Layer, error) {
	if err := verifyAll(bytes.NewReader(data), digest, int64(len(data))); err != nil {
		return nil, fmt.Errorf("blob %s: %w", digest, err)
	}
	return digested{static.NewLayer(data, "application/octet-stream"), digest}, nil
}

// digested is a layer whose digest is known, and need not be a SHA-256, which is all that package static computes.
type digested struct {
	v1.Layer
	digest v1.Hash
}

func (d digested) Digest() (v1.Hash, error) { return d.digest, nil }

// verifyAll reads r to its end.
func verifyAll(r io.Reader, digest v1.Hash, size int64) error {
	v, err := verify.NewReader(r, digest, size, size)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, v)
	return err
}

// PullBlob fetches the blob that ref names, as a stream: the whole is never in memory. Close it.
//
// The stream is verified. Content that is corrupt, short, long or another's is [ErrVerification] in place of io.EOF,
// and the last bytes are not handed out before they are known to be right. The other errors: [ErrNotFound],
// [ErrUnauthorized], [ErrDenied], [ErrStalled], [*RateLimitError], and [ErrTooLarge] over the limit of [WithMaxBlobBytes].
// Reading ends with ctx. Where the connection breaks, reading goes on over a new one, from the byte where it stopped.
func (c *Client) PullBlob(ctx context.Context, ref name.Digest) (io.ReadCloser, error) {
	digest, err := v1.NewHash(ref.DigestStr())
	if err != nil {
		return nil, fail("pull blob", ref, fmt.Errorf("%w: %w", ErrInvalidReference, err))
	}
	return c.origin(ref.Context()).openBlob(ctx, v1.Descriptor{Digest: digest, Size: verify.SizeUnknown})
}

// openBlob is an [opener] that verifies what comes, and whose errors name the blob. A size that the descriptor does not
// know is the answer's.
func (o *origin) openBlob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	ref := o.repo.Digest(d.Digest.String())
	c, err := o.openContent(ctx, d, 0)
	if err != nil {
		return nil, fail("pull blob", ref, err)
	}
	v, err := verify.NewReader(c, d.Digest, c.reader.Size, o.client.maxBlobBytes)
	if err != nil {
		_ = c.Close() // nothing was read; the first error is the one to tell
		return nil, fail("pull blob", ref, err)
	}
	return &blob{ref: ref, r: v, body: c}, nil
}

// content is a blob as it comes, not verified.
type content struct {
	io.ReadCloser
	from   name.Repository // the source that answered last; zero for an image
	reader *resume.Reader  // nil for an image
}

// mixed reports whether the content came in several pieces.
func (c *content) mixed() bool { return c.reader != nil && c.reader.Resumed() }

// openContent opens a blob from an offset on. Where it breaks off, it goes on, at another source if need be. Besides an
// error it returns which source that is of.
func (o *origin) openContent(ctx context.Context, d v1.Descriptor, offset int64) (*content, error) {
	c := &content{}
	next := o
	fetch := func(ctx context.Context, bytes string) (resp *http.Response, err error) {
		c.from, err = next.ask(ctx, func(ctx context.Context, s *session) (err error) {
			resp, err = s.getBlob(ctx, d.Digest, bytes) //nolint:bodyclose // the reader's to close
			return err
		})
		next = o.last(c.from) // if it breaks off
		return resp, err
	}
	reader, err := resume.Open(ctx, o.client.retry, resume.Content{
		Fetch: fetch, Size: d.Size, Offset: offset, Notify: o.client.logRetry,
	})
	if err != nil {
		return c, err
	}
	c.ReadCloser, c.reader = reader, reader
	return c, nil
}

// getBlob asks for a blob, or for a range of it if bytes is not empty. It is asked for as it is stored: net/http would ask
// for it compressed, and undo that in silence.
func (s *session) getBlob(ctx context.Context, digest v1.Hash, bytes string) (*http.Response, error) {
	r := request{
		method: http.MethodGet, url: s.url("blobs/" + digest.String()),
		header:   http.Header{"Accept-Encoding": {"identity"}},
		statuses: []int{http.StatusOK},
	}
	if bytes != "" {
		r.header.Set("Range", bytes)
		r.statuses = append(r.statuses, http.StatusPartialContent)
	}
	return s.do(limit.Answer(ctx, s.maxBlobBytes), r) // and not the handshake, which has no blob to send
}

// blob is a verified body whose errors name the blob.
type blob struct {
	ref  name.Digest
	r    io.Reader
	body io.Closer
}

func (b *blob) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err != nil && err != io.EOF {
		err = fail("read blob", b.ref, err)
	}
	return n, err
}

func (b *blob) Close() error { return b.body.Close() }
