package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// overviewHelp explains what import and verify print.
const overviewHelp = `Prints the snapshot's date and age, when it was made, its size, the numbers of its reports, in all and
for each risk, and up to ten repositories with the highest. As JSON, these are the members
format_version (1), snapshot (source, date, created, reports), verified, indexed, age_days,
lei_version, repositories, risks (critical, high, medium, low, undetermined, other, none), riskiest
(repo, risk), raw_size and compressed_size. ` + validityHelp + ` A snapshot that is not in order is
an error, and nothing is printed.`

func newVerify(env environment) *cobra.Command {
	var from *sourceFlags
	var format *format
	cmd := &cobra.Command{
		Use:   "verify DIR|REF",
		Short: "Check a snapshot and sum it up",
		Long: `Check everything about a snapshot: the digests, if it comes from a registry, that manifest.json and
the reports are well-formed, and their numbers, sizes and hash. The repositories that manifest.json
lists are not compared with the reports.

` + sourceHelp + `

` + trustHelp + ` What is in a
DIR must have been pulled with the same keys, or the same policy. DIR itself says so, and whoever can
write to it can make it say so.

` + overviewHelp,
		Example: "  leioci verify ghcr.io/org/lei-cache\n  leioci verify --max-age 2d --format json ./lei",
		Args:    arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return interruptible(cmd.Context(), func(ctx context.Context) error {
				return verify(ctx, env, from, args[0], format)
			})
		},
	}
	format = addFormatFlag(cmd)
	from = addSourceFlags(cmd, env)
	return cmd
}

func verify(ctx context.Context, env environment, from *sourceFlags, text string, f *format) (err error) {
	s, err := from.open(ctx, text)
	if err != nil {
		return unverified(err)
	}
	defer func() { err = errors.Join(err, s.close()) }()
	sum, err := s.VerifySummary(ctx)
	if err != nil {
		return unverified(err)
	}
	o, err := newOverview(ctx, s, sum, time.Now())
	if err != nil {
		return unverified(fmt.Errorf("verify %s: %w", s.name, err))
	}
	if o.Indexed, err = s.Indexed(ctx); err != nil {
		return fmt.Errorf("verify %s: %w", s.name, err)
	}
	return o.print(env.stdout, f)
}

// unverified gives the failure to be a snapshot its exit status. To other commands, that says only
// that it is the wrong directory.
func unverified(err error) error {
	wrong := isAny(err, snapshot.ErrNotSnapshot, snapshot.ErrTooLarge, leioci.ErrUnsupportedManifest)
	if usage := (usageError{}); !wrong || errors.Is(err, fs.ErrNotExist) || errors.As(err, &usage) {
		return err
	}
	return decision{exitUnverified, err}
}
