package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
)

const diffHelp = `Print how the snapshot B differs from A: repositories whose risk became worse or better, by the last
report on each, and those that were added or removed. What became worse comes first. Both are
directories or references.

` + sourceHelp + `

From the worst to the best, risks are critical, high, medium, undetermined and low. A report without a
risk ("none"), or with one that LEI does not give ("other"), is in the place of undetermined: a change
between these is neither worse nor better. A repository that got another report with the same risk is
unchanged.

As JSON, these are the members format_version (1), a and b (source, date, created, reports), counts
(worse, better, changed, added, removed, unchanged) and changes (change, repo, from, to).

Indexed snapshots are compared by their indexes, in seconds. For one without, an index is made in a
temporary directory first, which verifies it. One that is damaged is status 4, before anything is
printed; where the disk has damaged it since it was indexed, some may be printed before. The exit
status is 0 whatever differs; a script reads the counts of --format json.`

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
	temp, err := makeTemporary()
	if err != nil {
		return err
	}
	s.temps = append(s.temps, temp)
	return s.IndexIn(ctx, temp)
}
