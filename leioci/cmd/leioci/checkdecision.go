package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// The kinds of verdicts.
const (
	kindCritical     = "critical"
	kindHigh         = "high"
	kindMedium       = "medium"
	kindUndetermined = "undetermined"
	kindUnknown      = "unknown"
	kindNoRepository = "no-repository"
	kindLow          = "low"
)

// kinds are the kinds, the worst first.
func kinds() []string {
	return []string{kindCritical, kindHigh, kindMedium, kindUndetermined, kindUnknown, kindNoRepository, kindLow}
}

// rules say what fails.
type rules struct{ failOn, unknown, undetermined *choice }

// fails reports whether a kind of verdict fails.
func (r rules) fails(kind string) bool {
	switch kind {
	case kindUnknown, kindNoRepository:
		return r.unknown.name == "fail"
	case kindUndetermined:
		return r.undetermined.name == "fail"
	}
	return slices.Index(kinds(), kind) <= slices.Index(kinds(), r.failOn.name)
}

// A verdict is what was decided about a subject.
type verdict struct {
	subject
	answer snapshot.Answer
	kind   string
	fails  bool
}

// judge returns the verdicts: what fails before what does not, the worst first.
func (r rules) judge(list []subject, answers []snapshot.Answer) []verdict {
	verdicts := make([]verdict, len(list))
	for i, one := range list {
		kind := kindOf(one, answers[i])
		verdicts[i] = verdict{one, answers[i], kind, r.fails(kind)}
	}
	slices.SortStableFunc(verdicts, func(a, b verdict) int {
		switch {
		case a.fails && !b.fails:
			return -1
		case b.fails && !a.fails:
			return 1
		}
		return cmp.Compare(slices.Index(kinds(), a.kind), slices.Index(kinds(), b.kind))
	})
	return verdicts
}

func kindOf(one subject, answer snapshot.Answer) string {
	switch {
	case one.canonical == "":
		return kindNoRepository
	case !answer.Known():
		return kindUnknown
	}
	switch answer.Risk {
	case kindCritical, kindHigh, kindMedium, kindLow:
		return answer.Risk
	}
	return kindUndetermined
}

// reason says why the verdict is what it is.
func (v verdict) reason() string {
	switch v.kind {
	case kindNoRepository:
		return "the SBOM names no repository"
	case kindUnknown:
		return "no report in the snapshot"
	case kindUndetermined:
		switch v.answer.Risk {
		case kindUndetermined:
			return "LEI could not determine the risk"
		case "":
			return "the report has no risk"
		}
		return fmt.Sprintf("the report has the risk %.40q, which is none of LEI's", v.answer.Risk)
	}
	return "the risk is " + v.kind
}

// checked is the outcome of a check.
type checked struct {
	from     *source
	rules    rules
	verdicts []verdict
}

// counts returns the number of verdicts of each kind, and how many fail.
func (c *checked) counts() (of map[string]int, failed int) {
	of = map[string]int{}
	for _, v := range c.verdicts {
		of[v.kind]++
		if v.fails {
			failed++
		}
	}
	return of, failed
}

// status returns the exit status. A risk says more than that something is not known.
func (c *checked) status() int {
	status := exitOK
	if len(c.verdicts) == 0 && c.rules.fails(kindUnknown) {
		status = exitUndecided
	}
	for _, v := range c.verdicts {
		switch {
		case !v.fails:
		case v.kind == kindCritical || v.kind == kindHigh || v.kind == kindMedium:
			return exitRisk
		default:
			status = exitUndecided
		}
	}
	return status
}

// sentence says what was decided.
func (c *checked) sentence(now time.Time) string {
	about := "; " + c.age(now)
	if len(c.verdicts) == 0 {
		return "nothing to check: no repository is named" + about
	}
	of, failed := c.counts()
	outcome := map[int]string{exitOK: "passed", exitRisk: "risk found", exitUndecided: "undecided"}[c.status()]
	return fmt.Sprintf("%s: %d of %d fail (%s)%s", outcome, failed, len(c.verdicts), describeCounts(of), about)
}

// describeCounts lists the counts that are not zero, the worst kind first.
func describeCounts(of map[string]int) string {
	var parts []string
	for _, kind := range kinds() {
		if n := of[kind]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, strings.ReplaceAll(strings.Replace(kind, "no-", "without a ", 1), "-", " ")))
		}
	}
	return strings.Join(parts, ", ")
}
