package registry

import (
	"context"
	"io"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

// A Reader is a [Source] as a [store.Reader]. Its errors are those of a registry: a
// *transport.Error, and not errdef.ErrNotFound, says that something is not there.
type Reader struct{ source *Source }

// Reader returns the source as a [store.Reader].
func (s *Source) Reader() Reader { return Reader{s} }

// Source returns what the Reader reads.
func (r Reader) Source() *Source { return r.source }

// String names the repository.
func (r Reader) String() string { return r.source.repo.String() }

// Manifest implements [store.Reader].
func (r Reader) Manifest(ctx context.Context, id string) (*store.Manifest, error) {
	m, _, err := r.source.AnyManifest(ctx, id)
	return m, err
}

// Blob implements [store.Reader].
func (r Reader) Blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	b, err := r.source.Blob(ctx, d)
	if err != nil {
		return nil, err
	}
	return b, nil
}

// Download implements [store.Reader].
func (r Reader) Download(ctx context.Context, d v1.Descriptor, into store.Partial) (fetched int64, err error) {
	return r.source.Download(ctx, d, into)
}

// Tags implements [store.Reader]. They are those of the repository itself: no mirror is asked.
func (r Reader) Tags(ctx context.Context) ([]string, error) {
	return r.source.client.Tags(ctx, r.source.repo)
}

// Referrers implements [store.Reader].
func (r Reader) Referrers(ctx context.Context, subject v1.Hash) ([]v1.Descriptor, error) {
	return r.source.Referrers(ctx, subject)
}

// AnyManifest fetches a manifest of any kind by its tag or digest from the first place that has it,
// and also returns that place.
func (s *Source) AnyManifest(ctx context.Context, id string) (m *store.Manifest, from name.Repository, err error) {
	from, err = s.ask(ctx, func(ctx context.Context, session *session) (err error) {
		m, err = session.anyManifest(ctx, identified(session.repo, id))
		return err
	})
	if err != nil {
		return nil, from, err
	}
	return m, from, nil
}

// anyManifest fetches and verifies a manifest of any kind.
func (s *session) anyManifest(ctx context.Context, ref name.Reference) (*store.Manifest, error) {
	raw, header, err := s.getManifest(ctx, ref)
	if err != nil {
		return nil, err
	}
	digest, err := verifyManifest(ref, header, raw)
	if err != nil {
		return nil, err
	}
	mediaType, err := manifest.MediaType(raw, contentType(header))
	if err != nil {
		return nil, err
	}
	d := v1.Descriptor{MediaType: mediaType, Size: int64(len(raw)), Digest: digest}
	return &store.Manifest{Descriptor: d, Raw: raw}, nil
}

// identified returns what a tag or a digest names in a repository. No tag has a colon.
func identified(repo name.Repository, id string) name.Reference {
	if strings.Contains(id, ":") {
		return repo.Digest(id)
	}
	return repo.Tag(id)
}
