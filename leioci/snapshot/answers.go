package snapshot

import (
	"context"
	"errors"
	"fmt"
	"iter"
)

// OtherRisk stands for every risk that is none of LEI's, in a [Change].
const OtherRisk = "other"

// A Change is what two snapshots say about a repository.
type Change struct {
	// Repo is the repository's name, as [CanonicalRepo] spells it.
	Repo string
	// From and To are what the one and the other say, without the name. A risk is that of the last
	// report, however that spells the name: names are not read. One that is none of LEI's is
	// [OtherRisk].
	From, To Answer
}

// Compare iterates over those repositories of two snapshots for which wanted returns true, in an
// order that depends on their names alone. wanted is called for every repository that is in either,
// and whose answers may be the same. Names are looked up for what is wanted only, which takes most
// of the time.
//
// Both need a whole index, which [Snapshot.IndexIn] sees to; without, the error is [ErrNotIndexed].
// If one is damaged later, it is [ErrChanged]. An error is the last value yielded.
func Compare(ctx context.Context, from, to *Snapshot, wanted func(from, to Answer) bool) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		err := compareAnswers(ctx, from, to, wanted, yield)
		switch {
		case err == nil, errors.Is(err, errStop):
			return
		case isDamage(err):
			err = fmt.Errorf("%w: %w", ErrChanged, err)
		}
		yield(Change{}, fmt.Errorf("compare %s with %s: %w", from.cache.path, to.cache.path, err))
	}
}

func compareAnswers(ctx context.Context, from, to *Snapshot, wanted func(from, to Answer) bool, yield func(Change, error) bool) error {
	a, err := from.cursor(ctx)
	if err != nil {
		return err
	}
	b, err := to.cursor(ctx)
	if err != nil {
		return err
	}
	var unnamed batch
	for {
		if err := errors.Join(a.fill(ctx), b.fill(ctx)); err != nil {
			return err
		}
		order := compareGroups(a, b)
		if a.ended && b.ended {
			return unnamed.flush(ctx, yield)
		}
		var change Change
		named, in := a, from
		if order <= 0 {
			change.From = a.answer
		}
		if order >= 0 {
			change.To = b.answer
			named, in = b, to
		}
		if wanted(change.From, change.To) {
			if unnamed.full(named.last.length) {
				if err := unnamed.flush(ctx, yield); err != nil {
					return err
				}
			}
			unnamed.add(pending{change, in, named.ix, named.last})
		}
		a.filled, b.filled = a.filled && order > 0, b.filled && order < 0
	}
}
