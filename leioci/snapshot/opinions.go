package snapshot

import (
	"cmp"
	"slices"
)

// maxOpinions is how many spellings of one repository's name are told apart.
const maxOpinions = 64

// An opinion is what the newest report under one spelling of a repository's name says.
type opinion struct {
	name repoKey // of the name as it is spelled
	line int64
	risk string
}

// opinions are those on one repository. Reports under the same name replace each other, as LEI
// meant them to. Those under different names may be by anybody who had LEI analyse a name that
// CanonicalRepo takes for the same, so the newest does not have the last word then: the worst has.
type opinions []opinion

// add takes the next report.
func (o *opinions) add(line parsed) {
	next := opinion{spellingOf(line.repo), line.line, line.risk}
	i := slices.IndexFunc(*o, func(one opinion) bool { return one.name == next.name })
	if i != 0 && len(*o) > 0 {
		next.risk = shortRisk(next.risk) // one long one is enough
	}
	switch {
	case i >= 0:
		(*o)[i] = next
	case len(*o) <= maxOpinions:
		*o = append(*o, next)
	default:
		// Nobody spells a name in so many ways in good faith: the last place is for the worst.
		last := &(*o)[maxOpinions]
		if last.name = (repoKey{}); compareOpinions(next, *last) < 0 {
			last.line, last.risk = next.line, next.risk
		}
	}
}

// risk returns the worst risk, or "" if there is no opinion.
func (o opinions) risk() string {
	if len(o) == 0 {
		return ""
	}
	return slices.MinFunc(o, compareOpinions).risk
}

// compareOpinions returns a negative number if a is worse than b, or as bad and newer.
func compareOpinions(a, b opinion) int {
	return cmp.Or(cmp.Compare(rank(riskCode(a.risk)), rank(riskCode(b.risk))), cmp.Compare(b.line, a.line))
}

// bestRank is that of low, and no risk is better.
const bestRank = len(risks)

// rank returns the place of a risk's code, of which 0 is the worst. What is not determined, in
// whatever way, is worse than low.
func rank(code uint8) int {
	low := riskCode("low")
	switch {
	case code < low:
		return int(code)
	case code == low:
		return bestRank
	}
	return int(low)
}

// asked is what is heard about repositories in a pass over all reports.
type asked map[repoKey]*heard

type heard struct {
	reports int64
	opinions
}

func askAbout(repos []string) asked {
	a := asked{}
	for _, repo := range repos {
		a[keyOf(repo)] = &heard{}
	}
	return a
}

// hear takes the next report.
func (a asked) hear(line parsed) {
	if h := a[keyOf(string(line.repo))]; h != nil {
		h.reports++
		h.add(line)
	}
}

// answers returns the answer for each repository.
func (a asked) answers(repos []string) []Answer {
	answers := make([]Answer, len(repos))
	for i, repo := range repos {
		h := a[keyOf(repo)]
		answers[i] = Answer{repo, h.reports, h.risk()}
	}
	return answers
}
