package snapshot

import (
	"context"
	"fmt"
)

// VerifySummary is [Snapshot.Verify] and [Snapshot.Summary] in one pass. It reads all reports even
// if there is an index. If there is an error, it is that of Verify, and there is no Summary.
func (s *Snapshot) VerifySummary(ctx context.Context) (Summary, error) {
	var all tally
	found, err := s.survey(ctx, pass{}, func(line parsed) error {
		all.add(line)
		return nil
	})
	if err == nil {
		err = s.compare(found)
	}
	if err != nil {
		return Summary{}, fmt.Errorf("verify %s: %w", s.cache.path, err)
	}
	return all.summary(), nil
}
