package leioci

import (
	"context"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// A PullResult says what a directory holds after a pull.
type PullResult struct {
	// Ref is the artifact by digest. It is the zero value after [Unpack], which knows of no registry.
	Ref name.Digest
	// Source is the repository that the artifact was fetched from; zero after [Unpack].
	Source name.Repository
	// Date is the snapshot's day, at midnight UTC, and Created the time at which it was made, by its manifest.json.
	// Both are zero where that file cannot be read as LEI metadata.
	Date, Created time.Time
	// UpToDate: the directory held this very snapshot, intact, and was left alone.
	UpToDate bool
	// BytesFetched counts the bytes of blobs that were read from the registry or the image.
	BytesFetched int64
}

// A PullOption changes what a pull accepts.
type PullOption func(*pulling) error

// AllowOlder lets a pull of a moving tag replace a snapshot by one with an older date.
func AllowOlder() PullOption {
	return func(p *pulling) error {
		p.allowOlder = true
		return nil
	}
}

// PullSnapshot fetches the snapshot that ref names and writes it to dir as [Unpack] does: verified, and as a whole.
// The reference is resolved once; everything after uses the digest, which the result names. A directory that holds
// this snapshot already, intact, costs the manifest and no blob.
//
// Through a moving tag, such as "latest", a snapshot is not replaced by one with an older date ([ErrOlder]), so that a
// stale mirror cannot roll a site back; [AllowOlder] lifts that. A dated tag and a digest say what they want.
//
// The other errors are those of [Client.PullManifest], [Client.PullBlob] and [Unpack].
func (c *Client) PullSnapshot(ctx context.Context, ref name.Reference, dir string, opts ...PullOption) (*PullResult, error) {
	m, err := c.PullManifest(ctx, ref)
	if err != nil {
		return nil, err
	}
	repo := ref.Context()
	s, err := c.session(ctx, repo, transport.PullScope)
	if err != nil {
		return nil, fail("pull", ref, err)
	}
	p := &pulling{
		raw: m.Raw, manifest: m.Manifest, open: s.openBody,
		maxBlob: c.maxBlobBytes, concurrency: c.concurrency,
		allowOlder: !moves(ref),
	}
	pinned := repo.Digest(m.Descriptor.Digest.String())
	res, err := p.into(ctx, dir, opts)
	if err != nil {
		return nil, fail("pull", pinned, err)
	}
	res.Ref, res.Source = pinned, repo
	c.log.WithField("digest", pinned.String()).Infof("pulled %s into %s", ref, dir)
	return res, nil
}

// moves reports whether ref may name another snapshot tomorrow.
func moves(ref name.Reference) bool {
	tag, ok := ref.(name.Tag)
	return ok && !isDated(tag.TagStr())
}
