package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// A difference is that between two snapshots. There may be any number of changes, so it has only how
// many there are of each kind; each kind is read anew when it is printed.
type difference struct {
	between   [2]*source
	changes   map[transition]int64
	unchanged int64
}

// A transition is from one risk to another. That of a repository that is not there is [absent].
type transition struct{ from, to string }

const (
	absent    = "-"
	kindNone  = "none" // a report without a risk
	kindOther = snapshot.OtherRisk
)

// The kinds of changes.
const (
	changeWorse   = "worse"
	changeBetter  = "better"
	changeOther   = "changed"
	changeAdded   = "added"
	changeRemoved = "removed"
)

func riskIn(a snapshot.Answer) string {
	switch {
	case !a.Known():
		return absent
	case a.Risk == "":
		return kindNone
	}
	return a.Risk
}

// rank returns the place of a risk, of which 0 is the worst.
func rank(risk string) int {
	if risk == kindNone || risk == kindOther {
		risk = kindUndetermined
	}
	return slices.Index(kinds(), risk)
}

// kind says what a transition is.
func (t transition) kind() string {
	switch {
	case t.from == absent:
		return changeAdded
	case t.to == absent:
		return changeRemoved
	case rank(t.to) < rank(t.from):
		return changeWorse
	case rank(t.to) > rank(t.from):
		return changeBetter
	}
	return changeOther
}

// count counts the changes of each kind.
func (d *difference) count(ctx context.Context) error {
	d.changes = map[transition]int64{}
	for _, err := range snapshot.Compare(ctx, d.between[0].Snapshot, d.between[1].Snapshot, func(a, b snapshot.Answer) bool {
		if t := (transition{riskIn(a), riskIn(b)}); t.from != t.to {
			d.changes[t]++
		} else {
			d.unchanged++
		}
		return false
	}) {
		if err != nil {
			return err
		}
	}
	return nil
}

// transitions returns those that there are: worse, better, changed, added, removed, each with the
// worst first.
func (d *difference) transitions() []transition {
	order := []string{changeWorse, changeBetter, changeOther, changeAdded, changeRemoved}
	var all []transition
	for t := range d.changes {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b transition) int {
		return cmp.Or(
			cmp.Compare(slices.Index(order, a.kind()), slices.Index(order, b.kind())),
			cmp.Compare(rank(a.to), rank(b.to)), cmp.Compare(rank(b.from), rank(a.from)),
			cmp.Compare(a.to, b.to), cmp.Compare(a.from, b.from),
		)
	})
	return all
}

// each passes the repositories of all changes to found, in the order of transitions.
func (d *difference) each(ctx context.Context, found func(t transition, repo string) error) error {
	for _, t := range d.transitions() {
		wanted := func(a, b snapshot.Answer) bool { return riskIn(a) == t.from && riskIn(b) == t.to }
		for change, err := range snapshot.Compare(ctx, d.between[0].Snapshot, d.between[1].Snapshot, wanted) {
			if err == nil {
				err = found(t, change.Repo)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// counts returns the number of repositories for each kind of change.
func (d *difference) counts() diffCounts {
	of := map[string]int64{}
	for t, n := range d.changes {
		of[t.kind()] += n
	}
	return diffCounts{of[changeWorse], of[changeBetter], of[changeOther], of[changeAdded], of[changeRemoved], d.unchanged}
}

// String says what differs.
func (c diffCounts) String() string {
	return fmt.Sprintf("%d worse, %d better, %d changed, %d added, %d removed, %d unchanged", c.Worse, c.Better, c.Changed, c.Added, c.Removed, c.Unchanged)
}
