package leioci

import (
	"context"
	"fmt"
	"io"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
	"github.com/lowendinsight/lei-go/leioci/internal/verify"
)

// PullBlob fetches the blob that ref names, as a stream that is never completely in memory. The
// caller must close it.
//
// The stream is verified. Content that is corrupt, too short, too long or of a different blob is
// [ErrVerification] in place of io.EOF, and the last bytes are returned only after verification.
// The other errors: [ErrNotFound], [ErrUnauthorized], [ErrDenied], [ErrStalled], [*RateLimitError],
// and [ErrTooLarge] over the limit of [WithMaxBlobBytes]. Reading ends with ctx. If the connection
// breaks, reading resumes over a new one, from the byte where it stopped. It is one stream, even
// where [Client.PullSnapshot] would fetch several ranges at the same time.
//
// A mirror whose content turns out to be wrong is not passed over, unlike by [Client.PullSnapshot]:
// what was read cannot be taken back.
func (c *Client) PullBlob(ctx context.Context, ref name.Digest) (io.ReadCloser, error) {
	if err := c.checkReference(ctx, "pull blob", ref); err != nil {
		return nil, err
	}
	digest, err := v1.NewHash(ref.DigestStr())
	if err != nil {
		return nil, fail("pull blob", ref, fmt.Errorf("%w: %w", ErrInvalidReference, err))
	}
	return blobOpener(c.registry.Source(ref.Context()))(ctx, v1.Descriptor{Digest: digest, Size: registry.SizeUnknown})
}

// blobOpener returns an [opener] for verified blobs from src. Its errors name the blob.
func blobOpener(src *registry.Source) opener {
	return func(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
		rc, err := src.Blob(ctx, d)
		if err != nil {
			return nil, fail("pull blob", src.Repository().Digest(d.Digest.String()), err)
		}
		return &blob{ctx, src.Repository(), d.Digest, rc}, nil
	}
}

// A blob is the content of a blob. Its read errors name the blob. Reading ends with ctx even if all
// of the content has come already.
type blob struct {
	ctx    context.Context
	repo   name.Repository
	digest v1.Hash
	*registry.VerifiedBlob
}

func (b *blob) Read(p []byte) (int, error) {
	if err := context.Cause(b.ctx); err != nil {
		return 0, b.fail(err)
	}
	n, err := b.VerifiedBlob.Read(p)
	if err != nil && err != io.EOF {
		err = b.fail(err)
	}
	return n, err
}

func (b *blob) fail(err error) error {
	return fail("read blob", b.repo.Digest(b.digest.String()), err)
}

// WriteTo implements [io.WriterTo], for [io.Copy].
func (b *blob) WriteTo(w io.Writer) (int64, error) { return verify.Copy(w, b, b.Size()) }
