package snapshot

import (
	"cmp"
	"context"
	"slices"
)

const (
	// mostRiskiest is how many reports a Summary names.
	mostRiskiest = 10
	// maxSummaryNameBytes is the length of the longest name in it.
	maxSummaryNameBytes = 1 << 10
)

// A Summary says what the reports of a snapshot say, taken together.
type Summary struct {
	// Reports is the number of reports.
	Reports int64
	// Risks has the number of reports for each risk that LEI gives, "undetermined" included, and
	// for "", which is a report without one.
	Risks map[string]int64
	// OtherRisks is the number of reports with any other risk.
	OtherRisks int64
	// Riskiest names the reports with the highest risk: those that are critical, then those that
	// are high, up to ten, in the order of the snapshot. Reports on names of more than 1 KiB are
	// left out.
	Riskiest []Risky
}

// Risky is a repository of which a report says that its risk is high.
type Risky struct {
	Repo string
	Risk string
}

// Summary sums the reports up. Without an index, it reads all of them.
//
// Its error is the first that [Snapshot.Reports] yields. If it is [ErrMalformed], the Summary has
// all reports that are not.
func (s *Snapshot) Summary(ctx context.Context) (Summary, error) {
	ix, err := s.usable(ctx)
	if err != nil {
		return Summary{}, err
	}
	if ix != nil {
		return ix.details.Summary.clone(), nil
	}
	var all tally
	err = s.eachReport(ctx, func(line parsed) error {
		all.add(line)
		return nil
	})
	return all.summary(), err
}

// clone returns a copy that is the caller's.
func (s Summary) clone() Summary {
	counts := map[string]int64{}
	for risk, n := range s.Risks {
		counts[risk] = n
	}
	s.Risks, s.Riskiest = counts, slices.Clone(s.Riskiest)
	return s
}

// A tally counts reports.
type tally struct {
	counts [len(risks) + 1]int64
	worst  []Risky // those of a higher risk come first
}

func (t *tally) add(line parsed) {
	code := riskCode(line.risk)
	t.counts[code]++
	if code > riskCode("high") || len(line.repo) > maxSummaryNameBytes {
		return
	}
	if len(t.worst) == mostRiskiest && riskCode(t.worst[mostRiskiest-1].Risk) <= code {
		return
	}
	t.worst = append(t.worst, Risky{string(line.repo), line.risk})
	slices.SortStableFunc(t.worst, func(a, b Risky) int { return cmp.Compare(riskCode(a.Risk), riskCode(b.Risk)) })
	t.worst = t.worst[:min(len(t.worst), mostRiskiest)]
}

func (t *tally) summary() Summary {
	s := Summary{Risks: map[string]int64{}, OtherRisks: t.counts[otherRisk], Riskiest: t.worst}
	for code, risk := range risks {
		s.Risks[risk] = t.counts[code]
	}
	for _, n := range t.counts {
		s.Reports += n
	}
	return s
}
