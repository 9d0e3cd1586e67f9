package snapshot

import "context"

// VerifySummary is [Snapshot.Verify] and [Snapshot.Summary] in one pass. It reads all reports even
// if there is an index. If there is an error, it is that of Verify, and there is no Summary.
func (s *Snapshot) VerifySummary(ctx context.Context) (Summary, error) {
	var all tally
	err := s.verify(ctx, pass{}, func(line parsed) error {
		all.add(line)
		return nil
	})
	if err != nil {
		return Summary{}, err
	}
	return all.summary(), nil
}
