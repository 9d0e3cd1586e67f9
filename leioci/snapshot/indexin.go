package snapshot

import (
	"context"
	"fmt"

	"github.com/lowendinsight/lei-go/leioci/internal/regular"
)

// IndexIn sees to it that the snapshot has an index that is whole. If there is none in its own
// directory, it makes one in another, as [Index] does, and uses that until Close: dir must exist, and
// should be empty. Nothing is written to the snapshot's own directory.
//
// Call it before asking anything: other methods must not run at the same time.
func (s *Snapshot) IndexIn(ctx context.Context, dir string) error {
	if s.state == nil {
		return fmt.Errorf("index in %s: %w", dir, errUnopened)
	}
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
