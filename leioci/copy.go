package leioci

import (
	"context"
	"errors"
	"fmt"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// A CopyResult says what [Client.Copy] did.
type CopyResult struct {
	// Digest is that of the manifest that was copied. It is zero with [AllTags].
	Digest v1.Hash
	// Tags are the tags of the destination that now hold what was copied, in the order in which they
	// were made. There may be none, if the source was named by a digest.
	Tags []CopiedTag
	// Manifests is the number of manifests that the destination has now, referrers included, and
	// Referrers how many of them came along because they refer to another one.
	Manifests, Referrers int
	// BytesCopied is the number of bytes of blobs that were read from the source. What was there
	// already, or was mounted in the same registry, is not read.
	BytesCopied int64
}

// A CopiedTag is a tag of a destination, and the digest of the manifest that it holds.
type CopiedTag struct {
	Tag    string
	Digest v1.Hash
}

// Copy copies what src names to dst. Either may be a registry, a layout or an archive. The bytes of
// manifests and blobs stay the same, and so do all digests. It may be an artifact of any kind, not
// only a snapshot: an image manifest, or an index with all that it lists.
//
// A source without a tag or a digest means latest or, in a layout or an archive that has no such
// tag, the only artifact. A destination without a tag gets the tag of the source, and none if the
// source is named by its digest.
//
// Its referrers, such as signatures, come along, and what refers to those: as listed by the API of
// a registry or under the tag that stands in for it, and those that cosign finds by tags
// (sha256-….sig, .att and .sbom). Lists of referrers are merged with those of the destination. Those
// tags are not: a signature that the destination alone has under one is replaced with what the
// source has there, unless [NoOverwrite] is given; the log warns, and names the digest. What a list
// names but the source does not have, or what turns out not to refer to the artifact, is left out,
// and logged as a warning. They are not asked about by a verifier ([WithVerifier]): whoever can
// write to the source can attach what they like to an artifact that is trusted. Nor is it asked how
// old a snapshot is, whatever a policy says ([WithPolicy]), or until when it is good ([ValidUntil]):
// a pull refuses it.
//
// The source is resolved once. What the destination has already is not sent again, and a copy that
// was interrupted goes on where it stopped, but for a blob that is sent to a registry: that begins
// anew. Blobs are verified on their way, and never completely in memory. They come first, then the
// manifests of an index, then the manifest, then referrers, and tags last: dated ones before others.
// A layout or an archive is changed as a whole, at the end, or not at all: a directory is no layout
// before that. What a copy that failed has fetched stays for the next one, among the blobs and in
// .leioci-ingest, or beside the archive in a file whose name begins with .leioci-archive-.
//
// As in a push, a tag of the destination that is not a date is not moved back to an older snapshot
// ([ErrOlder]), unless [AllowMoveBack] is given; then no tag is looked at, and a registry is asked
// for every blob. With [NoOverwrite], no tag is changed ([ErrTagExists]). Nothing is sent in either
// case.
//
// A registry's credentials are sent to no other. Mirrors are read from ([WithMirrors]), but not if a
// mirror is itself the destination.
//
// The errors are those of [Client.PullManifest], [Client.PullBlob] and [Client.Push]. What a list of
// referrers leads to is bounded: more than 10,000 manifests, or indexes that are nested more than 8
// deep, are [ErrTooLarge]. So is an index that lists more than 5,000 manifests. That of a layout or an
// archive is one: each tag counts there, and so does each manifest without a tag that no other index
// lists, and each referrer. Where the tags alone are too many, no blob is fetched.
func (c *Client) Copy(ctx context.Context, src, dst Location, opts ...CopyOption) (*CopyResult, error) {
	if err := c.checkCall(ctx, "copy"); err != nil {
		return nil, err
	}
	var o copyOptions
	err := errors.Join(src.check("copy from"), dst.check("copy to"))
	if err == nil {
		err = o.apply(opts)
	}
	if err == nil {
		err = checkCopy(src, dst, o)
	}
	if err != nil {
		return nil, fmt.Errorf("copy: %w", err)
	}
	defer o.progress.End()
	p, err := c.openCopying(ctx, src, dst, o)
	if err != nil {
		return nil, err
	}
	res, err := p.run(ctx)
	if err = errors.Join(err, p.close()); err != nil {
		return nil, err
	}
	return res, nil
}

// checkCopy refuses tags and digests that have no meaning.
func checkCopy(src, dst Location, o copyOptions) error {
	switch {
	case dst.byDigest():
		return fmt.Errorf("%w: the destination is %s, and a copy has the digest of its source; name a tag, or none",
			ErrInvalidReference, dst)
	case o.allTags && src.id != "":
		return fmt.Errorf("%w: all tags are copied, and the source is %s: name it without a tag or digest", ErrInvalidReference, src)
	case o.allTags && dst.id != "":
		return fmt.Errorf("%w: all tags are copied, and the destination is %s: name it without a tag", ErrInvalidReference, dst)
	}
	return nil
}

// run copies everything, and commits it.
func (p *copying) run(ctx context.Context) (*CopyResult, error) {
	if err := p.copyRoots(ctx, p.roots); err != nil {
		return nil, err
	}
	res := p.result
	res.Manifests = len(p.done)
	res.BytesCopied = p.bytes.Load()
	if !p.opts.allTags {
		res.Digest = p.roots[0].digest
	}
	return &res, nil
}

// copyRoots copies what was resolved, and commits it.
func (p *copying) copyRoots(ctx context.Context, roots []root) error {
	if err := p.checkRoom(ctx, roots); err != nil {
		return err
	}
	if err := p.checkTags(ctx, roots); err != nil {
		return err
	}
	for _, r := range roots {
		if err := p.copyRoot(ctx, r); err != nil {
			return err
		}
	}
	return p.commit(ctx, slices.Concat(roots, p.attached))
}

// copyRoot copies what a tag or a digest of the source names, and then makes the tag.
func (p *copying) copyRoot(ctx context.Context, r root) error {
	m, err := p.rootManifest(ctx, r)
	if err != nil {
		return err
	}
	if err := p.copyTree(ctx, m, put{tagged: r.held}, 0); err != nil {
		return err
	}
	if err := p.copyAttached(ctx); err != nil {
		return err
	}
	if r.tag == "" {
		return nil
	}
	if r, err = p.checkTagAgain(ctx, r); err != nil {
		return err
	}
	if !r.held || !p.trusts {
		if err := p.dst.PutManifest(ctx, m, r.tag); err != nil {
			return fail("put manifest", p.to.At(r.tag), err)
		}
	}
	p.client.log.WithField("digest", r.digest.String()).Infof("tagged %s", p.to.At(r.tag))
	p.result.Tags = append(p.result.Tags, CopiedTag{r.tag, r.digest})
	return nil
}
