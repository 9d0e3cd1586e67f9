package leioci

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/static"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
	"github.com/lowendinsight/lei-go/leioci/internal/verify"
)

// NewBlob returns data as a layer for [Client.Push]. Data that does not have the digest is [ErrVerification].
// The data is not copied; do not change it afterwards. The layer's media type says nothing: it is the manifest
// that gives a blob its type.
func NewBlob(digest v1.Hash, data []byte) (v1.Layer, error) {
	if err := verify.All(context.Background(), bytes.NewReader(data), digest, int64(len(data))); err != nil {
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
	return blobOpener(c.registry.Source(ref.Context()))(ctx, v1.Descriptor{Digest: digest, Size: registry.SizeUnknown})
}

// blobOpener returns an [opener] of a source's blobs, verified, whose errors name the blob.
func blobOpener(src *registry.Source) opener {
	return func(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
		ref := src.Repository().Digest(d.Digest.String())
		rc, err := src.Blob(ctx, d)
		if err != nil {
			return nil, fail("pull blob", ref, err)
		}
		return &blob{ref: ref, ReadCloser: rc}, nil
	}
}

// blob is a blob's body whose errors name the blob.
type blob struct {
	ref name.Digest
	io.ReadCloser
}

func (b *blob) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = fail("read blob", b.ref, err)
	}
	return n, err
}
