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
	// ValidUntil is the time until which the publisher says the snapshot is good, and NextUpdate that
	// at which the next one is due ([ValidUntil], [NextUpdate]). Each is zero if it does not say.
	ValidUntil, NextUpdate time.Time
	// Signatures says who signed the artifact, if the pull had a [Verifier] that tells.
	Signatures []Signature
	// UpToDate is set if the directory already had this snapshot, intact, and was left alone.
	UpToDate bool
	// BytesFetched is the number of bytes of blobs read from the registry or the image.
	BytesFetched int64

	made time.Time // when the artifact was, or else the snapshot
}

// A PullOption changes what [Client.PullSnapshot], [Client.Watch] and [Unpack] do. A call returns an
// error for an option that is nil, invalid, or has no meaning for that call.
type PullOption interface{ pull(*pullOptions) error }

// pullOption is a [PullOption] that serves nothing but pulls.
type pullOption func(*pullOptions) error

func (f pullOption) pull(o *pullOptions) error { return f(o) }

type pullOptions struct {
	target.Policy
	demands demands // WithVerifier, WithPolicy
	// call is the function that the options were given to, if some do not apply to it.
	call string
}

func (o *pullOptions) apply(opts []PullOption) error {
	for i, opt := range opts {
		if opt == nil {
			return fmt.Errorf("pull option %d of %d is nil", i+1, len(opts))
		}
		if err := opt.pull(o); err != nil {
			return err
		}
	}
	return nil
}

// VerifyReports checks the reports of a new snapshot before it replaces anything: they must be
// well-formed, and match manifest.json in number and content. The check and its errors are those of
// [snapshot.Snapshot.Verify]. A snapshot that the directory already has is checked, too; a
// [Client.Watch] checks it once.
//
// Without this option, a pull verifies only digests and sizes. They prove that the snapshot is what
// the publisher pushed, but not that it is correct.
func VerifyReports() PullOption {
	return pullOption(func(o *pullOptions) error {
		o.VerifyReports = true
		return nil
	})
}

// IndexReports makes the index of a new snapshot before it replaces anything, in the same pass as
// [VerifyReports], which it implies. The directory then has the index from the moment it has the
// snapshot, and [snapshot.Open] answers from it at once. A snapshot that the directory already has
// gets an index, too, if it has none that fits; one that fits was made by verifying these files,
// which are not read for that again. A [Client.Watch] sees to it at each check.
//
// That no index can be made ([snapshot.ErrNotIndexed]: there are too many reports, or no room) is
// logged as a warning and is not an error. Questions are answered without one, but slowly. Unless
// there are too many, a Watch tries again at each check, and reads the reports for it.
//
// A pull without this option makes no index. It leaves that of a snapshot that is up to date, and a
// new snapshot has none until [snapshot.Index] is called.
func IndexReports() PullOption {
	return pullOption(func(o *pullOptions) error {
		o.VerifyReports, o.IndexReports = true, true
		return nil
	})
}

// AllowOlder lets a pull of a moving tag replace a snapshot with an older one. [Unpack] has no tag
// and replaces any snapshot, so it does not accept this option.
func AllowOlder() PullOption {
	return pullOption(func(o *pullOptions) error {
		if o.call != "" {
			return fmt.Errorf("option AllowOlder does not apply to %s, which knows no tag", o.call)
		}
		o.AllowOlder = true
		return nil
	})
}

// MaxAge refuses a snapshot with [ErrStale] if its date, taken as midnight UTC, is more than d ago,
// or if it has no date. Nothing is replaced then. The limit also applies to a snapshot that the
// directory already has. The default is no limit.
func MaxAge(d time.Duration) PullOption {
	return pullOption(func(o *pullOptions) error {
		if d <= 0 {
			return fmt.Errorf("option MaxAge of %v: must be positive", d)
		}
		o.MaxAge = d
		return nil
	})
}

// ClockAllowance accepts a snapshot for d longer than its publisher says it is good
// ([ValidUntil]), for machines whose clocks may be ahead. The default is 0.
func ClockAllowance(d time.Duration) PullOption {
	return pullOption(func(o *pullOptions) error {
		if d < 0 {
			return fmt.Errorf("option ClockAllowance of %v: must not be negative", d)
		}
		o.ClockAllowance = d
		return nil
	})
}

// AllowFuture allows a pull to take a snapshot that is dated later than tomorrow (UTC). Otherwise
// it is refused with [ErrFuture] before anything is replaced, because it would pass every [MaxAge],
// and every later snapshot would be older. A directory that already holds one accepts any other.
func AllowFuture() PullOption {
	return pullOption(func(o *pullOptions) error {
		o.AllowFuture = true
		return nil
	})
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

// pullPolicy returns the policy for a pull of ref, whose Progress is to be ended, and who has to trust
// what is pulled.
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
	res, err := targetDir.UpToDate(ctx)
	if (errors.Is(err, ErrStale) || errors.Is(err, ErrFuture)) && src.HasMirrors() { // another source may have a newer one
		return nil, nil
	}
	if res == nil || err != nil {
		return nil, err
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
	result := newPullResult(res, current)
	result.Ref, result.Source, result.Signatures = src.Repository().Digest(digest), from, signed
	return result, nil
}

// mostSnapshots is how many snapshots from different sources are tried, for one that the policy
// accepts and whose content is to be had. The memory of a directory has room for so many.
const mostSnapshots = 16

// install fetches the snapshot that ref names and puts it in the directory's place.
//
// manifest.json may reveal what the annotations of a snapshot did not: if the policy then refuses
// the snapshot of one source, another source may have a newer one. If ref is a tag whose snapshot
// at one source is not to be had whole, at any, another source may have another.
func install(ctx context.Context, src *registry.Source, ref name.Reference, t trust, targetDir *target.Dir, dir string) (*PullResult, error) {
	_, byDigest := ref.(name.Digest)
	var lacking error  // of a snapshot that was not to be had,
	var lacked v1.Hash // and which one that was
	most := max(4, min(2*src.Places(), mostSnapshots))
	for n := 1; ; n++ {
		m, from, subject, err := trustedManifest(ctx, src, ref, t, targetDir.RefuseAnnotated) // another source may have a newer one
		if err != nil {
			if lacking != nil { // what there was before is more to the point
				err = lacking
			}
			return nil, err
		}
		if m.Descriptor.Digest == lacked { // as everywhere
			if src = src.Without(from); src == nil {
				return nil, lacking
			}
			continue
		}
		if err := t.settle(targetDir, subject); err != nil {
			return nil, fail("pull", ref, err)
		}
		res, err := installManifest(ctx, src.Prefer(from), ref, m, targetDir, dir)
		switch {
		case err == nil:
			res.Source, res.Signatures = from, subject.signatures()
			return res, nil
		case ctx.Err() != nil || !src.HasMirrors() || n == most:
			return nil, err
		case errors.Is(err, ErrOlder) || errors.Is(err, ErrStale) || errors.Is(err, ErrFuture) || errors.Is(err, ErrNotSnapshot):
			// targetDir remembers it, and refuses it at once
		case !byDigest && registry.Lacks(err):
			lacking, lacked, src = err, m.Descriptor.Digest, src.PassOver(from, err)
		default:
			return nil, err
		}
	}
}

// installManifest is install for the snapshot of a manifest.
func installManifest(ctx context.Context, src *registry.Source, ref name.Reference, m *Manifest, targetDir *target.Dir, dir string) (*PullResult, error) {
	pinned := ref.Context().Digest(m.Descriptor.Digest.String())
	result, err := installFrom(ctx, pinned, m.Raw, m.Manifest, targetDir, dir,
		func(ctx context.Context, d v1.Descriptor, part target.Partial) (int64, error) {
			return src.Download(ctx, d, part)
		})
	if err != nil {
		return nil, err
	}
	result.Ref = pinned
	return result, nil
}

func newPullResult(res *target.Result, digest v1.Hash) *PullResult {
	return &PullResult{
		Digest: digest, Date: res.Date, Created: res.Created, UpToDate: res.UpToDate, BytesFetched: res.Fetched,
		ValidUntil: res.Validity.Until, NextUpdate: res.Validity.Next,
		made: cmp.Or(res.Validity.Made, res.Created),
	}
}
