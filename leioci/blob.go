package leioci

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/static"

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
// [ErrUnauthorized], [ErrDenied], and [ErrTooLarge] over the limit of [WithMaxBlobBytes]. Reading ends with ctx.
func (c *Client) PullBlob(ctx context.Context, ref name.Digest) (io.ReadCloser, error) {
	digest, err := v1.NewHash(ref.DigestStr())
	if err != nil {
		return nil, fail("pull blob", ref, fmt.Errorf("%w: %w", ErrInvalidReference, err))
	}
	s, err := c.session(ctx, ref.Context(), transport.PullScope)
	if err != nil {
		return nil, fail("pull blob", ref, err)
	}
	b, err := s.openBlob(ctx, v1.Descriptor{Digest: digest, Size: verify.SizeUnknown})
	if err != nil {
		return nil, fail("pull blob", ref, err)
	}
	return b, nil
}

// openBlob is an [opener] that verifies what comes. A size that the descriptor does not know is the answer's.
func (s *session) openBlob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	resp, err := s.getBlob(ctx, d)
	if err != nil {
		return nil, err
	}
	size := d.Size
	if size == verify.SizeUnknown {
		size = resp.ContentLength // unknown, too, where the answer does not say
	}
	v, err := verify.NewReader(resp.Body, d.Digest, size, s.maxBlobBytes)
	if err != nil {
		_ = resp.Body.Close() // nothing was read; the first error is the one to tell
		return nil, err
	}
	return &blob{ref: s.repo.Digest(d.Digest.String()), r: v, body: resp.Body}, nil
}

// openBody is an [opener] that leaves the verifying to its caller.
func (s *session) openBody(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	resp, err := s.getBlob(ctx, d)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// getBlob asks for the blob that d describes and returns the answer if it is one.
// The bytes are wanted as they are stored, so that no compression must be asked for on the way.
func (s *session) getBlob(ctx context.Context, d v1.Descriptor) (*http.Response, error) {
	u := fmt.Sprintf("%s://%s/v2/%s/blobs/%s", s.repo.Scheme(), s.repo.RegistryStr(), s.repo.RepositoryStr(), d.Digest)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept-Encoding", "identity")
	client := http.Client{Transport: s.authenticated}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	if err := transport.CheckError(resp, http.StatusOK); err != nil {
		_ = resp.Body.Close() // the registry's own error is the one to tell
		return nil, err
	}
	return resp, nil
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
