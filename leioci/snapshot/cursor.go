package snapshot

import (
	"bytes"
	"context"
	"fmt"
)

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
