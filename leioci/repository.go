package leioci

import (
	"context"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

// A Repository is an opened location, to read. It is safe for concurrent use, except for Close.
type Repository struct {
	location Location
	reader   store.Reader
	closer   io.Closer // nil for a registry
}

// Open opens a location to read what is there. The repository of a registry is not asked for
// anything yet. The caller must close the Repository.
//
// The errors: [ErrInvalidReference], and for a layout or an archive [ErrNotFound], if there is no
// such file or directory, and [ErrUnsupportedManifest], if it is something else.
func (c *Client) Open(ctx context.Context, l Location) (*Repository, error) {
	if err := c.checkCall(ctx, "open"); err != nil {
		return nil, err
	}
	if err := l.check("open"); err != nil {
		return nil, err
	}
	reader, closer, err := c.openReader(ctx, l, Location{})
	if err != nil {
		return nil, fail("open", l.Place(), err)
	}
	return &Repository{l, reader, closer}, nil
}

// Tags lists all tags, each once, in the order of the place. Those of a registry's repository are
// listed as by [Client.Tags], those of a layout or an archive are the annotations
// org.opencontainers.image.ref.name in its index.json that are valid tags.
func (r *Repository) Tags(ctx context.Context) ([]string, error) {
	if err := r.check(ctx, "list tags"); err != nil {
		return nil, err
	}
	tags, err := r.reader.Tags(ctx)
	if err != nil {
		return nil, fail("list tags", r.location.Place(), err)
	}
	return tags, nil
}

// Manifest returns the manifest that id, a tag or a digest, names: byte for byte, with a descriptor
// whose digest and size were computed from it. It may be of any kind, also an index. An empty id
// stands for the tag or the digest of the location. If that has none, it stands for "latest" or, in
// a layout or an archive without such a tag, for the only artifact.
//
// The errors: [ErrNotFound], [ErrUnauthorized], [ErrDenied]; [ErrInvalidReference];
// [ErrUnsupportedManifest] for what is not a JSON object with a media type; [ErrTooLarge] for more
// than 4 MiB; [ErrVerification].
func (r *Repository) Manifest(ctx context.Context, id string) (v1.Descriptor, []byte, error) {
	m, err := r.manifest(ctx, id)
	if err != nil {
		return v1.Descriptor{}, nil, err
	}
	return m.Descriptor, m.Raw, nil
}

func (r *Repository) manifest(ctx context.Context, id string) (*store.Manifest, error) {
	if err := r.check(ctx, "pull manifest"); err != nil {
		return nil, err
	}
	if id == "" {
		var err error
		if id, err = defaultID(ctx, r.location, r.reader); err != nil {
			return nil, fail("pull manifest", r.location, err)
		}
	}
	if err := checkIdentifier(id); err != nil {
		return nil, fmt.Errorf("pull manifest from %s: %w", r.location.Place(), err)
	}
	m, err := r.reader.Manifest(ctx, id)
	if err != nil {
		return nil, fail("pull manifest", r.location.At(id), err)
	}
	return m, nil
}

// Referrers lists the manifests that refer to the one with a digest, such as signatures, each once:
// by the API of a registry, and by the index under the tag that stands in for it (OCI distribution
// specification, "Referrers Tag Schema"). The descriptors are the place's word. There need be no
// manifest with that digest.
//
// Lists of more than 10,000 descriptors or 16 MiB are [ErrTooLarge]. So is one index, such as that of
// a layout or an archive, that lists more than 5,000.
func (r *Repository) Referrers(ctx context.Context, digest v1.Hash) ([]v1.Descriptor, error) {
	if err := r.check(ctx, "list referrers"); err != nil {
		return nil, err
	}
	if err := checkIdentifier(digest.String()); err != nil {
		return nil, fmt.Errorf("list referrers in %s: %w", r.location.Place(), err)
	}
	list, err := r.reader.Referrers(ctx, digest)
	if err != nil {
		return nil, fail("list referrers", r.location.At(digest.String()), err)
	}
	return list, nil
}

// Blob opens the blob with the digest and the size of a descriptor, as [Client.PullBlob] does:
// verified, and never completely in memory. The caller must close it.
func (r *Repository) Blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	if err := r.check(ctx, "pull blob"); err != nil {
		return nil, err
	}
	if err := checkIdentifier(d.Digest.String()); err != nil {
		return nil, fmt.Errorf("pull blob from %s: %w", r.location.Place(), err)
	}
	return openBlob(ctx, r.reader, r.location, d)
}

// openBlob opens a blob whose errors name it.
func openBlob(ctx context.Context, from store.Reader, l Location, d v1.Descriptor) (io.ReadCloser, error) {
	what := l.At(d.Digest.String())
	rc, err := from.Blob(ctx, d)
	if err != nil {
		return nil, fail("pull blob", what, err)
	}
	return &locatedBlob{ctx, what, rc}, nil
}

// A locatedBlob is the content of a blob. Its read errors name it, and reading ends with ctx.
type locatedBlob struct {
	ctx  context.Context
	what Location
	io.ReadCloser
}

func (b *locatedBlob) Read(p []byte) (int, error) {
	if err := context.Cause(b.ctx); err != nil {
		return 0, fail("read blob", b.what, err)
	}
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = fail("read blob", b.what, err)
	}
	return n, err
}

// Image returns the image that id names, as [Client.Image] does. id is what [Repository.Manifest]
// takes. The image can be read until the Repository is closed.
func (r *Repository) Image(ctx context.Context, id string) (v1.Image, error) {
	m, err := r.manifest(ctx, id)
	if err != nil {
		return nil, err
	}
	decoded, err := manifest.Parse(m.Raw, m.Descriptor.MediaType)
	if err != nil {
		return nil, fail("pull manifest", r.location.At(m.Descriptor.Digest.String()), err)
	}
	img, err := newImage(ctx, m.Raw, decoded, func(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
		return openBlob(ctx, r.reader, r.location, d)
	})
	return &locatedImage{img, r.location.At(orDefault(id, r.location.id)), r.reader}, err
}

// Close closes the files that are open. The location can be opened again.
func (r *Repository) Close() error {
	if r == nil || r.closer == nil {
		return nil
	}
	if err := r.closer.Close(); err != nil {
		return fail("close", r.location.Place(), err)
	}
	return nil
}

// check returns an error if r was not made by [Client.Open], or ctx is nil.
func (r *Repository) check(ctx context.Context, op string) error {
	switch {
	case r == nil || r.reader == nil:
		return fmt.Errorf("%s: the repository was not opened with Client.Open", op)
	case ctx == nil:
		return fmt.Errorf("%s: %w", op, errNilContext)
	}
	return nil
}
