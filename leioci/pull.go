package leioci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
	"github.com/lowendinsight/lei-go/leioci/internal/target"
)

// A PullResult describes the snapshot in a directory after a pull.
type PullResult struct {
	// Digest is the SHA-256 digest of the artifact's manifest, computed from its bytes.
	Digest v1.Hash
	// Ref is the artifact's digest reference. It is zero after [Unpack], and after a pull from a
	// layout or an archive, which involve no registry.
	Ref name.Digest
	// From is the location of the artifact, by its digest. It is zero after [Unpack].
	From Location
	// Source is the repository that resolved the tag or served the manifest: ref's own, or a
	// mirror. It is zero where Ref is.
	Source name.Repository
	// Date is the snapshot's day, at midnight UTC, and Created the time when it was made, both from
	// its manifest.json.
	Date, Created time.Time
	// ValidUntil is the time until which the publisher says the snapshot is good, and NextUpdate
	// that at which the next one is due ([ValidUntil], [NextUpdate]). Each is zero if it does not
	// say.
	ValidUntil, NextUpdate time.Time
	// Signatures says who signed the artifact, if the pull had a [Verifier] that tells.
	Signatures []Signature
	// UpToDate is set if the directory already had this snapshot, intact, and was left alone.
	UpToDate bool
	// BytesFetched is the number of bytes of blobs read from the registry or the image.
	BytesFetched int64

	made time.Time // when the artifact was, or else the snapshot
}

// PullSnapshot fetches the snapshot that ref names and writes it to dir as [Unpack] does: verified,
// and all at once. The reference is resolved once. Everything after that uses the digest, which the
// result reports. Only where the snapshot that one source has under a tag is refused, or is not to
// be had whole, is the tag resolved again, at the next of several sources ([WithMirrors]).
//
// If dir already has this snapshot, intact, a pull needs one request besides authentication, and
// none if ref is a digest (sha256); it only reads the files. That the tag still names this snapshot
// is the registry's word then: a registry can hide an update, but not pass off other content as the
// digest that the result names. Otherwise, a pull fetches only the blobs that dir does not have; a
// large one that comes slowly, in several ranges at the same time ([WithConcurrency]). An
// interrupted pull resumes where it stopped, even in another process: partial downloads are kept
// beside dir. Of several pulls into one directory at once, in whatever processes, one fetches and
// the others wait for it, until ctx ends; the log says so after a few seconds.
//
// A pull of a moving tag, such as "latest", does not replace a snapshot with an older one
// ([ErrOlder]), so that a stale mirror cannot roll a site back; [AllowOlder] permits it. This does
// not apply to dated tags and digests, which ask for a particular snapshot. [MaxAge] refuses
// snapshots that are too old ([ErrStale]). One that is not good any more, as its publisher says
// ([ValidUntil]), is [ErrStale], too, even under a dated tag or a digest. One that is dated later
// than tomorrow is refused ([ErrFuture]) unless [AllowFuture] is given.
//
// A config that the registry does not have, or that is larger than 4 MiB, is left out of the
// directory, with a warning: reading the snapshot does not need it.
//
// What fails after the directory was replaced, such as the removal of the old files, is logged as a
// warning and is not an error.
//
// A directory that cannot be replaced is refused before anything is fetched ([ErrTargetNotEmpty]).
// The other errors are those of [Client.PullManifest], [Client.PullBlob] and [Unpack].
func (c *Client) PullSnapshot(ctx context.Context, ref name.Reference, dir string, opts ...PullOption) (*PullResult, error) {
	return c.pull(ctx, ref, dir, opts, &target.Memory{})
}

// pull implements PullSnapshot. memory carries over what earlier pulls into dir found out.
func (c *Client) pull(ctx context.Context, ref name.Reference, dir string, opts []PullOption, memory *target.Memory) (*PullResult, error) {
	if err := c.checkReference(ctx, "pull", ref); err != nil {
		return nil, err
	}
	policy, trust, err := c.pullPolicy(ref, opts)
	if err != nil {
		return nil, fmt.Errorf("pull %v: %w", ref, err)
	}
	defer policy.Progress.End()
	src := c.registry.Source(ref.Context())
	targetDir := target.Open(dir, policy, memory, c.concurrency, c.log)
	res, err := c.upToDate(ctx, src, ref, trust, targetDir)
	if err != nil {
		return nil, fail("pull", ref, err)
	}
	if res == nil {
		if err := targetDir.Check(); err != nil {
			return nil, fail("pull", ref, adviseDisk(dir, err))
		}
		if res, err = install(ctx, src, ref, trust, targetDir, dir); err != nil {
			return nil, err
		}
	}
	res.From = RegistryLocation(res.Ref)
	c.log.WithField("digest", res.Ref.String()).Infof("%s is up to date with %s", dir, ref)
	return res, nil
}

// pullPolicy returns the policy for a pull of ref, whose Progress is to be ended, and who has to
// trust what is pulled.
func (c *Client) pullPolicy(ref name.Reference, opts []PullOption) (target.Policy, trust, error) {
	return c.policyFor(RegistryLocation(ref), !isMovingTag(ref), opts)
}

// policyFor is pullPolicy for any location. allowOlder says that a certain snapshot is asked for.
func (c *Client) policyFor(src Location, allowOlder bool, opts []PullOption) (target.Policy, trust, error) {
	o := pullOptions{Policy: target.Policy{AllowOlder: allowOlder}}
	if err := o.apply(opts); err != nil {
		return o.Policy, nil, err
	}
	demands := c.demands.and(o.demands)
	o.MaxAge = demands.maxAge(placeOf(src), o.MaxAge)
	return o.Policy, demands.verifiers, nil
}

// isMovingTag reports whether ref is a tag that may name another snapshot tomorrow.
func isMovingTag(ref name.Reference) bool {
	tag, ok := ref.(name.Tag)
	return ok && !isDated(tag.TagStr())
}

// upToDate returns a result if the directory already has the snapshot that ref names. It returns
// nil if not, or if that cannot be known without the manifest.
func (c *Client) upToDate(ctx context.Context, src *registry.Source, ref name.Reference, t trust, targetDir *target.Dir) (*PullResult, error) {
	current, ok := targetDir.Digest()
	if !ok {
		return nil, nil
	}
	from, digest := src.Repository(), ref.Identifier()
	if _, byDigest := ref.(name.Digest); !byDigest {
		head, repo, err := src.Head(ctx, ref)
		if err != nil {
			return nil, err
		}
		from, digest = repo, head.String()
	}
	if digest != current.String() {
		return nil, nil
	}
	signed, err := t.trustHeld(targetDir, RegistryLocation(ref), func(raw []byte) (*Subject, error) {
		return t.verifyAt(ctx, src.Prefer(from), RegistryLocation(ref), raw)
	})
	if err != nil && src.HasMirrors() && ctx.Err() == nil { // another source may have one that is trusted
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	res, err := targetDir.UpToDate(ctx)
	if (errors.Is(err, ErrStale) || errors.Is(err, ErrFuture)) && src.HasMirrors() { // another source may have a newer one
		return nil, nil
	}
	if res == nil || err != nil {
		return nil, err
	}
	result := newPullResult(res, current)
	result.Ref, result.Source, result.Signatures = src.Repository().Digest(digest), from, signed
	return result, nil
}

func newPullResult(res *target.Result, digest v1.Hash) *PullResult {
	return &PullResult{
		Digest: digest, Date: res.Date, Created: res.Created, UpToDate: res.UpToDate, BytesFetched: res.Fetched,
		ValidUntil: res.Validity.Until, NextUpdate: res.Validity.Next,
		made: cmp.Or(res.Validity.Made, res.Created),
	}
}
