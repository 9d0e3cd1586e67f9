package leioci

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
	"github.com/lowendinsight/lei-go/leioci/internal/target"
)

// A PullResult says what a directory holds after a pull.
type PullResult struct {
	// Ref is the artifact by digest. It is the zero value after [Unpack], which knows of no registry.
	Ref name.Digest
	// Source is the repository that named the artifact, or had its manifest: ref's own, or a mirror. It is the zero value
	// after [Unpack].
	Source name.Repository
	// Date is the snapshot's day, at midnight UTC, and Created the time at which it was made, by its manifest.json.
	Date, Created time.Time
	// UpToDate: the directory held this very snapshot, intact, and was left alone.
	UpToDate bool
	// BytesFetched counts the bytes of blobs that were read from the registry or the image.
	BytesFetched int64
}

// A PullOption changes what a pull accepts.
type PullOption func(*pullOptions) error

type pullOptions target.Policy

func (o *pullOptions) apply(opts []PullOption) error {
	for _, opt := range opts {
		if err := opt(o); err != nil {
			return err
		}
	}
	return nil
}

// VerifyReports reads the reports of what was pulled before it replaces anything, as [snapshot.Snapshot.Verify] does: that
// they are well-formed, and as many, and the same, as manifest.json says. The errors are those of that method. Without
// it, digests and sizes are verified, which say that the snapshot is the publisher's, but not that the publisher did well.
// A snapshot that the directory holds already is read, too; a [Client.Watch] reads it once.
func VerifyReports() PullOption {
	return func(o *pullOptions) error {
		o.VerifyReports = true
		return nil
	}
}

// AllowOlder lets a pull of a moving tag replace a snapshot by one with an older date.
func AllowOlder() PullOption {
	return func(o *pullOptions) error {
		o.AllowOlder = true
		return nil
	}
}

// MaxAge refuses a snapshot whose date, taken as midnight UTC, is more than d ago, or has no date: [ErrStale], before
// anything is replaced. It holds for a snapshot that the directory holds already, too. The default is no limit.
func MaxAge(d time.Duration) PullOption {
	return func(o *pullOptions) error {
		if d <= 0 {
			return fmt.Errorf("maximum age of %v: want more than 0", d)
		}
		o.MaxAge = d
		return nil
	}
}

// AllowFuture lets a pull take a snapshot whose date is later than tomorrow, in UTC. Otherwise it is refused with
// [ErrFuture], before anything is replaced: it would pass every [MaxAge], and all that come after it would be older. A
// directory that holds such a snapshot already takes any other.
func AllowFuture() PullOption {
	return func(o *pullOptions) error {
		o.AllowFuture = true
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
// refuses what is too old ([ErrStale]). What is dated later than tomorrow is refused ([ErrFuture]) unless [AllowFuture]
// is given.
//
// Of several pulls into one directory at once, in whatever processes, one fetches and the others wait for it, until ctx
// ends; the log says so after a few seconds. What goes wrong after the directory was replaced, such as the removal of the
// old files, is no error, but logged as a warning.
//
// The other errors are those of [Client.PullManifest], [Client.PullBlob] and [Unpack].
func (c *Client) PullSnapshot(ctx context.Context, ref name.Reference, dir string, opts ...PullOption) (*PullResult, error) {
	return c.pull(ctx, ref, dir, opts, &target.Memory{})
}

// pull is PullSnapshot with what is remembered of earlier pulls into dir.
func (c *Client) pull(ctx context.Context, ref name.Reference, dir string, opts []PullOption, memory *target.Memory) (*PullResult, error) {
	policy, err := pullPolicy(ref, opts)
	if err != nil {
		return nil, fail("pull", ref, err)
	}
	src := c.registry.Source(ref.Context())
	into := target.Open(dir, policy, memory, c.concurrency, c.log)
	res, err := c.upToDate(ctx, src, ref, into)
	if err != nil {
		return nil, fail("pull", ref, err)
	}
	if res == nil {
		if res, err = install(ctx, src, ref, into, dir); err != nil {
			return nil, err
		}
	}
	c.log.WithField("digest", res.Ref.String()).Infof("%s is in %s", ref, dir)
	return res, nil
}

// pullPolicy returns what a pull of ref accepts.
func pullPolicy(ref name.Reference, opts []PullOption) (target.Policy, error) {
	o := pullOptions{AllowOlder: !moves(ref)}
	err := o.apply(opts)
	return target.Policy(o), err
}

// moves reports whether ref may name another snapshot tomorrow.
func moves(ref name.Reference) bool {
	tag, ok := ref.(name.Tag)
	return ok && !isDated(tag.TagStr())
}

// upToDate returns a result if the directory holds what ref names, and nil if not, or if that cannot be told without the
// manifest.
func (c *Client) upToDate(ctx context.Context, src *registry.Source, ref name.Reference, into *target.Dir) (*PullResult, error) {
	held, ok := into.Digest()
	if !ok {
		return nil, nil
	}
	from, digest := src.Repository(), ref.Identifier()
	if _, byDigest := ref.(name.Digest); !byDigest {
		h, place, err := src.Head(ctx, ref)
		if err != nil {
			return nil, err
		}
		from, digest = place, h.String()
	}
	if digest != held.String() {
		return nil, nil
	}
	res, err := into.UpToDate(ctx)
	if (errors.Is(err, ErrStale) || errors.Is(err, ErrFuture)) && src.HasMirrors() { // another place may have a newer one
		return nil, nil
	}
	if res == nil || err != nil {
		return nil, err
	}
	result := newPullResult(res)
	result.Ref, result.Source = src.Repository().Digest(digest), from
	return result, nil
}

// mostRefusals is how many snapshots of different places are looked at for one that the policy takes.
const mostRefusals = 4

// install fetches what ref names and makes the directory hold it. What a snapshot's annotations did not tell, its
// manifest.json may: if the policy refuses the snapshot of one place then, another place may have a newer one.
func install(ctx context.Context, src *registry.Source, ref name.Reference, into *target.Dir, dir string) (*PullResult, error) {
	for refusals := 1; ; refusals++ {
		res, err := installOnce(ctx, src, ref, into, dir)
		refused := errors.Is(err, ErrOlder) || errors.Is(err, ErrStale) || errors.Is(err, ErrFuture) || errors.Is(err, ErrNotSnapshot)
		if !refused || !src.HasMirrors() || refusals == mostRefusals {
			return res, err
		}
	}
}

// installOnce is install with the first place whose snapshot is not known to be refused.
func installOnce(ctx context.Context, src *registry.Source, ref name.Reference, into *target.Dir, dir string) (*PullResult, error) {
	m, from, err := pullManifest(ctx, src, ref, into.RefuseAnnotated) // another place may have a newer one
	if err != nil {
		return nil, err
	}
	pinned := ref.Context().Digest(m.Descriptor.Digest.String())
	src = src.Prefer(from)
	res, err := into.Install(ctx, m.Raw, m.Manifest, func(ctx context.Context, d v1.Descriptor, part target.Partial) (int64, error) {
		return src.Download(ctx, d, part)
	})
	if err != nil {
		return nil, fail("pull", pinned, adviseDisk(dir, err))
	}
	result := newPullResult(res)
	result.Ref, result.Source = pinned, from
	return result, nil
}

func newPullResult(res *target.Result) *PullResult {
	return &PullResult{Date: res.Date, Created: res.Created, UpToDate: res.UpToDate, BytesFetched: res.Fetched}
}
