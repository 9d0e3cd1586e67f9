package snapshot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/lowendinsight/lei-go/leioci/internal/regular"
)

// OtherRisk stands for every risk that is none of LEI's, in a [Change].
const OtherRisk = "other"

// A Change is what two snapshots say about a repository.
type Change struct {
	// Repo is the repository's name, as [CanonicalRepo] spells it.
	Repo string
	// From and To are what the one and the other say, without the name. A risk that is none of
	// LEI's is [OtherRisk].
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

// compareGroups says which of two cursors comes first. What has ended comes last.
func compareGroups(a, b *cursor) int {
	switch {
	case a.ended:
		return 1
	case b.ended:
		return -1
	}
	return bytes.Compare(a.last.key[:], b.last.key[:])
}

// A cursor goes through the answers of an index, in the order of the keys.
type cursor struct {
	ix     *index
	leaf   page
	number int64 // of the next leaf
	count  int   // entries in the leaf
	next   int   // entry in the leaf

	filled bool // the rest is the repository that comes next
	ended  bool // there is none
	answer Answer
	last   entry
}

// cursor returns a cursor at the first repository.
func (s *Snapshot) cursor(ctx context.Context) (*cursor, error) {
	ix, err := s.usable(ctx)
	if err == nil && ix == nil {
		err = fmt.Errorf("%s: %w", s.cache.path, ErrNotIndexed)
	}
	if err != nil {
		return nil, err
	}
	return &cursor{ix: ix}, nil
}

// fill reads all entries of the next repository, unless it is there.
func (c *cursor) fill(ctx context.Context) error {
	if c.filled || c.ended {
		return nil
	}
	c.answer = Answer{}
	for {
		e, more, err := c.peek(ctx)
		if err != nil {
			return err
		}
		if !more || c.answer.Known() && e.key != c.last.key {
			c.filled, c.ended = c.answer.Known(), !c.answer.Known()
			break
		}
		c.last = e
		c.next++
		c.answer.Reports++
	}
	if c.filled {
		c.answer.Risk = OtherRisk
		if c.last.risk < otherRisk {
			c.answer.Risk = risks[c.last.risk]
		}
	}
	return nil
}

// peek returns the entry at the cursor.
func (c *cursor) peek(ctx context.Context) (e entry, more bool, err error) {
	if c.next == c.count {
		if c.number == c.ix.Levels[0].Length {
			return entry{}, false, nil
		}
		if err := contextErr(ctx); err != nil {
			return entry{}, false, err
		}
		p, count, err := c.ix.page(0, c.number)
		if err != nil {
			return entry{}, false, err
		}
		c.leaf, c.count, c.next = *p, count, 0
		c.ix.pages.Put(p)
		c.number++
	}
	return unpack(c.leaf.entry(c.next)), true, nil
}

// IndexIn sees to it that the snapshot has an index that is whole. If there is none in its own
// directory, it makes one in another, as [Index] does, and uses that until Close: dir must exist, and
// should be empty. Nothing is written to the snapshot's own directory.
//
// Call it before asking anything: other methods must not run at the same time.
func (s *Snapshot) IndexIn(ctx context.Context, dir string) error {
	fits, err := s.indexFits(ctx)
	if err != nil || fits {
		return err
	}
	root, err := regular.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("index in %s: %w", dir, err)
	}
	defer func() { _ = root.Close() }() // the index stays open without it
	if err := s.makeIndex(ctx, root, dir); err != nil {
		return err
	}
	_ = s.opened.close() // opened for reading: nothing to lose
	s.opened = nil
	if !s.adopt(root) {
		return fmt.Errorf("index in %s: %w: %w", dir, ErrNotIndexed, ErrChanged)
	}
	return nil
}
