package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

const diffHelp = `Print how the snapshot B differs from A: repositories whose risk became worse or better, by the last
report on each, and those that were added or removed. What became worse comes first. Both are
directories or references.

` + sourceHelp + `

From the worst to the best, risks are critical, high, medium, undetermined and low. A report without a
risk ("none"), or with one that LEI does not give ("other"), is in the place of undetermined: a change
between these is neither worse nor better. A repository that got another report with the same risk is
unchanged.

Indexed snapshots are compared by their indexes, in seconds. For one without, an index is made in a
temporary directory first, which verifies it. Nothing is printed about one that is damaged: that is
status 4. The exit status is 0 whatever differs; a script reads the counts of --format json.`

func newDiff(env environment) *cobra.Command {
	var from *sourceFlags
	var format *format
	cmd := &cobra.Command{
		Use:     "diff A B",
		Short:   "Show what differs between two snapshots",
		Long:    diffHelp,
		Example: "  leioci diff ./yesterday ./today\n  leioci diff ghcr.io/org/lei-cache:2026-02-07 ghcr.io/org/lei-cache:2026-02-08 --format json",
		Args:    arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return interruptible(cmd.Context(), func(ctx context.Context) error {
				return diff(ctx, from, args[0], args[1], format)
			})
		},
	}
	format = addFormatFlag(cmd)
	from = addSourceFlags(cmd, env)
	return cmd
}

func diff(ctx context.Context, from *sourceFlags, a, b string, format *format) (err error) {
	var d difference
	for i, text := range []string{a, b} {
		s, err := from.open(ctx, text)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.close()) }()
		if err := indexed(ctx, s); err != nil {
			return err
		}
		d.between[i] = s
	}
	if err := d.count(ctx); err != nil {
		return err
	}
	if format.isJSON() {
		return d.writeJSON(ctx, from.env.stdout)
	}
	return d.writeText(ctx, from.env.stdout)
}

// indexed sees to it that a snapshot has an index, in a place of its own if need be.
func indexed(ctx context.Context, s *source) error {
	temp, err := os.MkdirTemp("", "leioci-")
	if err != nil {
		return err
	}
	s.temps = append(s.temps, temp)
	return s.IndexIn(ctx, temp)
}

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

// transitions returns those that there are: worse, better, changed, added, removed, each with the worst first.
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
