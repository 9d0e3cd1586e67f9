package leioci

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/lowendinsight/lei-go/leioci/internal/target"
)

// WatchOptions configure [Client.Watch]. The zero value is usable.
type WatchOptions struct {
	// Interval is the time between two checks. It is varied by up to 10 percent, so that many
	// watchers do not check at the same time. The default is an hour: snapshots are published
	// daily, and registries limit how often they may be asked. Less than a millisecond is an error,
	// since it is most likely a number without its unit.
	//
	// It does not count as long as the publisher says when the next snapshot is due ([NextUpdate]):
	// then Watch checks within ten minutes after that time. If it finds none, it checks again after
	// about ten minutes, an hour, and six hours, and then when the one after that is due. So it
	// finds one that is published before its time, or between, when the next is due. It looks at
	// the clock every five minutes, in case that was set, or the machine was suspended.
	Interval time.Duration
	// FirstLook spreads the first check of a directory that already holds a snapshot: it comes at a
	// random time before FirstLook has passed, so that many watchers that are started together do
	// not check together. If it is negative, the first check comes at once. By default, the first
	// check comes when the next snapshot is due, if the publisher said so ([NextUpdate]), and within
	// ten minutes if that has passed. Otherwise, the default is Interval, but at most an hour.
	//
	// If the directory does not hold a snapshot as a pull left it, intact, and one that the options
	// in Pull accept, the first check comes when FillSpread says, in any case.
	FirstLook time.Duration
	// FillSpread does the same for a directory that holds no such snapshot: it is filled at a
	// random time before FillSpread has passed, for fleets that are rolled out at once. The default
	// is 0: it is filled at once, since nothing can be answered until then.
	FillSpread time.Duration
	// EveryLook yields a result for every check, even if nothing changed.
	EveryLook bool
	// Pull are the options for each pull.
	Pull []PullOption
}

const (
	defaultInterval  = time.Hour
	minInterval      = time.Millisecond
	defaultFirstLook = time.Hour // at most
)

// Watch keeps dir up to date with ref. It pulls like [Client.PullSnapshot], again and again, until
// ctx ends or the caller leaves the loop.
//
//	for res, err := range client.Watch(ctx, ref, dir, leioci.WatchOptions{}) {
//		if err != nil {
//			log.Print(err) // the directory is unchanged
//			continue
//		}
//		// the directory now has the snapshot res.Ref
//	}
//
// It yields a result for the first successful pull, for each pull that brought a change, and for
// the first success after an error. It also yields each error of a pull, once that pull's own
// retries are exhausted.
//
// If dir already holds a snapshot, the first pull may come as late as [WatchOptions].FirstLook
// says. So do not wait for Watch before using that snapshot: open dir first, then start Watch. An
// absent or empty directory is filled at once, or as [WatchOptions].FillSpread says.
//
// After an error, Watch pulls again sooner than after a success: after about a second, and then
// after twice the delay before. That delay grows to 5 minutes at most, so that a watch is soon back
// after a failure that passes, such as one that keeps signatures from being read. It grows to the
// interval for an error that will not pass until somebody acts: a snapshot that is refused
// ([ErrOlder], [ErrStale], [ErrNotSnapshot], [ErrUnsupportedManifest], [ErrTooLarge],
// [ErrVerification], [ErrUntrusted], and the errors of [VerifyReports]), credentials that are
// rejected ([ErrUnauthorized], [ErrDenied], [ErrInsecure]), and a directory that cannot be replaced
// ([ErrTargetNotEmpty]). It also does so for a [*RateLimitError], and then Watch waits at least as
// long as the registry asks, up to an hour or the interval, whichever is longer. [ErrStale] is no
// such error while Watch goes by [NextUpdate], unless a source failed otherwise: then it checks
// when it would if nothing had changed.
//
// A check that finds no change is a single request and does not read the reports again: a file that
// was intact counts as intact as long as it has the same size and modification time. Every check
// first looks at the directory. One that cannot be replaced is an [ErrTargetNotEmpty] even if it is
// up to date, and the first check, which then comes at once, reports it.
//
// If the options are invalid, Watch yields that error and ends.
func (c *Client) Watch(ctx context.Context, ref name.Reference, dir string, opts WatchOptions) iter.Seq2[*PullResult, error] {
	return func(yield func(*PullResult, error) bool) {
		if err := c.checkReference(ctx, "watch", ref); err != nil {
			yield(nil, err)
			return
		}
		policy, trust, err := opts.check(c, ref)
		if err != nil {
			yield(nil, fmt.Errorf("watch %v: %w", ref, err))
			return
		}
		dir = target.Absolute(dir) // the working directory may change while this watches
		timing := newSchedule(opts.Interval)
		memory := &target.Memory{}
		wait := timing.first(opts, c.holds(ctx, ref, dir, policy, trust, memory))
		timing.follow(ctx, wait, opts.EveryLook, func() (*PullResult, error) {
			return c.look(ctx, ref, dir, opts.Pull, memory)
		}, yield)
	}
}

// check returns the policy for each pull, or an error if an option is invalid.
func (o *WatchOptions) check(c *Client, ref name.Reference) (target.Policy, trust, error) {
	switch {
	case o.Interval < 0:
		return target.Policy{}, nil, fmt.Errorf("interval %v: must not be negative", o.Interval)
	case o.Interval > 0 && o.Interval < minInterval:
		return target.Policy{}, nil, fmt.Errorf("interval %v: must be at least %v; is its unit missing?", o.Interval, minInterval)
	case o.FillSpread < 0:
		return target.Policy{}, nil, fmt.Errorf("fill spread %v: must not be negative", o.FillSpread)
	}
	policy, trust, err := c.pullPolicy(ref, o.Pull)
	policy.Progress = nil // each pull has its own
	return policy, trust, err
}

// holds returns what the directory holds if that is a snapshot that a program can use until the
// first check, and that can be replaced then, and nil otherwise.
func (c *Client) holds(
	ctx context.Context, ref name.Reference, dir string, policy target.Policy, t trust, memory *target.Memory,
) *PullResult {
	targetDir := target.Open(dir, policy, memory, c.concurrency, c.log)
	digest, ok := targetDir.Digest()
	if !ok || target.Check(dir) != nil {
		return nil
	}
	if _, ok := t.verdictOn(targetDir, RegistryLocation(ref)); len(t) > 0 && !ok {
		return nil
	}
	res, err := targetDir.UpToDate(ctx)
	if res == nil || err != nil {
		return nil
	}
	return newPullResult(res, digest)
}

// look pulls once. A directory that cannot be replaced is reported while it is still up to date,
// not when the next snapshot cannot be put there.
func (c *Client) look(ctx context.Context, ref name.Reference, dir string, opts []PullOption, memory *target.Memory) (*PullResult, error) {
	if err := target.Check(dir); err != nil {
		return nil, fail("pull", ref, adviseDisk(dir, err))
	}
	return c.pull(ctx, ref, dir, opts, memory)
}
