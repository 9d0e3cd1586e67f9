package snapshot

import (
	"context"
	"strings"
)

// maxRiskBytes is how much is kept of a risk that is not LEI's.
const maxRiskBytes = 1 << 10

// VerifiedRisks is [Snapshot.Risks] for who decides something by the answers: they are those of a
// snapshot that is in order, or there are none. An index is made of such a snapshot only. Without
// one, the snapshot is verified in the same pass in which the repositories are looked for, and the
// errors are those of [Snapshot.Verify].
//
// A risk that is none of LEI's is cut off after 1 KiB.
func (s *Snapshot) VerifiedRisks(ctx context.Context, repos ...string) ([]Answer, error) {
	if answers, done, err := s.byIndex(ctx, repos, s.shortRisksIn); done {
		return answers, err
	}
	asked := askAbout(repos)
	err := s.verify(ctx, pass{}, func(line parsed) error {
		line.risk = shortRisk(line.risk)
		asked.hear(line)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return asked.answers(repos), nil
}

// shortRisksIn is VerifiedRisks with an index. It asks for one at a time, because a risk may be as
// long as a line.
func (s *Snapshot) shortRisksIn(ctx context.Context, ix *index, repos []string) ([]Answer, error) {
	answers := make([]Answer, len(repos))
	for i := range repos {
		one, err := s.risksIn(ctx, ix, repos[i:i+1])
		if err != nil {
			return nil, err
		}
		answers[i] = one[0]
		answers[i].Risk = shortRisk(one[0].Risk)
	}
	return answers, nil
}

// shortRisk returns a risk that is not long, and does not keep one that is in memory.
func shortRisk(risk string) string {
	if len(risk) <= maxRiskBytes {
		return risk
	}
	return strings.Clone(risk[:maxRiskBytes])
}
