package leioci

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/staging"
)

// A PullResult says what a directory holds after a pull.
type PullResult struct {
	// Ref is the artifact by digest. It is the zero value after [Unpack], which knows of no registry.
	Ref name.Digest
	// Source is the repository that named the artifact, or had its manifest: ref's own, or a mirror. It is the zero value
	// after [Unpack].
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

// VerifyReports reads the reports of what was pulled before it replaces anything, as [snapshot.Snapshot.Verify] does: that
// they are well-formed, and as many, and the same, as manifest.json says. The errors are those of that method. Without
// it, digests and sizes are verified, which say that the snapshot is the publisher's, but not that the publisher did well.
// What the directory holds already is not read again.
func VerifyReports() PullOption {
	return func(p *pulling) error {
		p.verify = true
		return nil
	}
}

// PullSnapshot fetches the snapshot that ref names and writes it to dir as [Unpack] does: verified, and as a whole.
// The reference is resolved once; everything after uses the digest, which the result names.
//
// A directory that holds this snapshot already, intact, costs one request, beyond what authentication needs, and for a
// digest (sha256) none; its files are read. Of another snapshot only the blobs are fetched that the directory does not have. A pull
// that was interrupted goes on where it stopped, in another process too: what has come is kept beside dir.
//
// Through a moving tag, such as "latest", a snapshot is not replaced by one with an older date ([ErrOlder]), so that a
// stale mirror cannot roll a site back; [AllowOlder] lifts that. A dated tag and a digest say what they want. [MaxAge]
// refuses what is too old ([ErrStale]).
//
// The other errors are those of [Client.PullManifest], [Client.PullBlob] and [Unpack].
func (c *Client) PullSnapshot(ctx context.Context, ref name.Reference, dir string, opts ...PullOption) (*PullResult, error) {
	p, err := newPulling(c, ref, opts)
	if err != nil {
		return nil, fail("pull", ref, err)
	}
	o := c.origin(ref.Context())
	p.held = readHeld(dir)
	from, res, err := p.upToDate(ctx, o, ref)
	if err != nil {
		return nil, fail("pull", ref, err)
	}
	pinned := ref.Context()
	if res == nil {
		var m *Manifest
		willDo := func(m *v1.Manifest) error { return p.refuseAnnotated(dir, m) } // another source may have a newer one
		if m, from, err = o.manifest(ctx, ref, willDo); err != nil {
			return nil, err
		}
		p.raw, p.manifest, p.origin = m.Raw, m.Manifest, o.prefer(from)
		p.open = p.origin.openContent
		if res, err = p.into(ctx, dir); err != nil {
			return nil, fail("pull", pinned.Digest(m.Descriptor.Digest.String()), err)
		}
		res.Ref = pinned.Digest(m.Descriptor.Digest.String())
	}
	res.Source = from
	c.log.WithField("digest", res.Ref.String()).Infof("%s is in %s", ref, dir)
	return res, nil
}

// newPulling returns a pull of ref with its options, which does not know yet what it pulls.
func newPulling(c *Client, ref name.Reference, opts []PullOption) (*pulling, error) {
	p := &pulling{
		maxBlob: c.maxBlobBytes, concurrency: c.concurrency, log: c.log,
		allowOlder: !moves(ref), known: &fingerprints{},
	}
	return p, p.apply(opts)
}

// upToDate returns a result if the directory holds what ref names, and nil if not, or if that cannot be told without the
// manifest.
func (p *pulling) upToDate(ctx context.Context, o *origin, ref name.Reference) (from name.Repository, res *PullResult, err error) {
	if p.held == nil {
		return from, nil, nil
	}
	from = o.repo
	digest := ref.Identifier()
	if _, byDigest := ref.(name.Digest); !byDigest {
		h, at, err := o.head(ctx, ref)
		if err != nil {
			return from, nil, err
		}
		from, digest = at, h.String()
	}
	if digest != p.held.digest.String() {
		return from, nil, nil
	}
	res, err = p.left(ctx)
	if errors.Is(err, ErrStale) && len(o.sources) > 1 { // another source may have a newer one
		return from, nil, nil
	}
	if res != nil {
		res.Ref = o.repo.Digest(digest)
	}
	return from, res, err
}

// left returns the result for a directory that holds the right snapshot, if it is intact.
func (p *pulling) left(ctx context.Context) (*PullResult, error) {
	if !p.held.intact(ctx, p.known) {
		return nil, nil
	}
	meta := metadataOf(p.held.dir)
	if err := p.refuseStale(meta.Date); err != nil {
		return nil, err
	}
	p.tidy(ctx)
	return &PullResult{Date: meta.Date, Created: meta.Created, UpToDate: true}, nil
}

// tidy removes the old snapshot that a pull left beside the directory if it was killed between putting the new one in
// its place and removing the old: the next change, whose pull would remove it, may be long in coming. What cannot be
// removed is in nobody's way.
func (p *pulling) tidy(ctx context.Context) {
	if !staging.Left(p.held.dir) {
		return
	}
	stage, err := staging.New(ctx, p.held.dir, snapshotKind())
	if err == nil {
		err = stage.Discard()
	}
	if err != nil {
		p.log.Infof("what an earlier pull left beside %s stays there: %v", p.held.dir, err)
	}
}

// holds reports whether the directory holds what is being pulled.
func (p *pulling) holds() bool { return p.held != nil && bytes.Equal(p.held.raw, p.raw) }

// moves reports whether ref may name another snapshot tomorrow.
func moves(ref name.Reference) bool {
	tag, ok := ref.(name.Tag)
	return ok && !isDated(tag.TagStr())
}
