package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

func newImport(env environment) *cobra.Command {
	var format *format
	var from sourceFlags
	cmd := &cobra.Command{
		Use:   "import DIR",
		Short: "Check the snapshot in a directory, index it, and sum it up",
		Long: `Check everything about the snapshot in DIR, as leioci verify does, and make an index in DIR, so that
questions about it, such as those of leioci check, are answered without reading it all. If no index
can be made, as in a directory that is read-only, import says so and succeeds. A snapshot that is good
no longer, by what its publisher said when it was pulled, is status 3. No signature is asked for.

` + overviewHelp,
		Example: "  leioci import ./lei",
		Args:    arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == "" { // import "$DIR", where DIR is not set
				return withUsage(cmd, errors.New("DIR is empty"))
			}
			if err := refuseReference(args[0], "leioci verify checks it, and leioci pull --index indexes what it pulls"); err != nil {
				return err
			}
			return interruptible(cmd.Context(), func(ctx context.Context) error {
				return importDir(ctx, env, &from, args[0], format)
			})
		},
	}
	format = addFormatFlag(cmd)
	addAllowanceFlag(cmd, &from.allowance)
	return cmd
}

func importDir(ctx context.Context, env environment, from *sourceFlags, dir string, f *format) error {
	err := snapshot.VerifyAndIndex(ctx, dir)
	if errors.Is(err, snapshot.ErrNotIndexed) {
		fmt.Fprintln(env.stderr, "leioci: warning: "+oneLine(err.Error())+"; questions will take longer")
		err = nil
	}
	if err != nil {
		return unverified(err)
	}
	s, err := from.openHeld(ctx, dir, nil)
	if err != nil {
		return unverified(err)
	}
	defer func() { _ = s.close() }() // opened for reading: nothing to lose
	sum, indexed, err := summarise(ctx, s.Snapshot)
	if err != nil {
		return unverified(err)
	}
	o, err := newOverview(ctx, s, sum, time.Now())
	if err != nil {
		return unverified(fmt.Errorf("import %s: %w", dir, err))
	}
	o.Indexed = indexed
	return o.print(env.stdout, f)
}

// summarise sums up a snapshot from its index. One without was either not indexed, or has just taken
// the place of the one that was: it is verified itself.
func summarise(ctx context.Context, s *snapshot.Snapshot) (sum snapshot.Summary, indexed bool, err error) {
	if indexed, err = s.Indexed(ctx); err != nil {
		return sum, false, err
	}
	if !indexed {
		sum, err = s.VerifySummary(ctx)
		return sum, false, err
	}
	sum, err = s.Summary(ctx)
	return sum, true, err
}
