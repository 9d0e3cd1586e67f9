package leioci

import (
	"context"
	"errors"
	"fmt"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
	"github.com/lowendinsight/lei-go/leioci/internal/target"
)

// Held describes the snapshot that a pull left in dir, without asking anybody: as a pull would that
// finds it up to date. Its files are read and compared with their digests. Another pull may replace
// it meanwhile. [PullResult].Ref, From and Source are zero, and Signatures is empty without a
// verifier.
//
// Of the options, [MaxAge], [AllowFuture], [ClockAllowance], [VerifyReports], [WithVerifier] and
// [WithPolicy] apply. What a verifier asks for is not read anew, but must have been found by a pull
// under the same policy; otherwise the error is [ErrUntrusted]. The rule of a [Policy] is the one for
// the place that it was pulled from. That it was found is what the directory says, and so the word of
// whoever can write to it: pull where a snapshot is used, rather than carry directories around.
//
// A directory that holds something else than what a pull left, or that was changed since, is
// [ErrVerification]. The other errors are those of [Unpack].
func Held(ctx context.Context, dir string, opts ...PullOption) (*PullResult, error) {
	res, err := held(ctx, dir, opts)
	if err != nil {
		return nil, fmt.Errorf("check %s: %w", dir, err)
	}
	return res, nil
}

func held(ctx context.Context, dir string, opts []PullOption) (*PullResult, error) {
	if registry.IsNil(ctx) {
		return nil, errNilContext
	}
	o := pullOptions{Policy: target.Policy{OnlyRead: true}, call: "Held"}
	if err := o.apply(opts); err != nil {
		return nil, err
	}
	defer o.Progress.End()
	open := func() *target.Dir { return target.Open(dir, o.Policy, &target.Memory{}, defaultConcurrency, silent()) }
	const most = 100
	for range most {
		d := open()
		res, err := heldIn(ctx, d, &o)
		if ctx.Err() != nil || d.Same(open()) {
			return res, err
		}
		// Else a pull has replaced it meanwhile, and what was read is of two snapshots.
	}
	return nil, errors.New("other pulls replace it again and again; try again")
}

// heldIn is held for a directory that was opened.
func heldIn(ctx context.Context, d *target.Dir, o *pullOptions) (*PullResult, error) {
	digest, ok := d.Digest()
	if !ok {
		return nil, fmt.Errorf("%w: it has no manifest of an artifact, as a pull leaves it", ErrVerification)
	}
	trust := o.demands.verifiers
	verdict, ok := d.Trusted(trust.policy())
	if len(trust) > 0 && !ok {
		return nil, fmt.Errorf("%w: it was not pulled under this policy; pull it again, with the same keys", ErrUntrusted)
	}
	d.LimitAge(o.demands.maxAge(verdict.Place, o.MaxAge))
	res, err := d.UpToDate(ctx)
	if err == nil && res == nil {
		err = errors.Join(context.Cause(ctx), fmt.Errorf("%w: its files are not those of its manifest", ErrVerification))
	}
	if err != nil {
		return nil, err
	}
	result := newPullResult(res, digest)
	result.Signatures = signatures(verdict)
	return result, nil
}
