package main

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

func newExport(env environment) *cobra.Command {
	var o exportOptions
	var date, created string
	var moveBack, allowFuture, index bool
	var network *networkFlags
	var publish *publishFlags
	var format *format
	cmd := &cobra.Command{
		Use:   "export --input FILE|- [-o DIR] [--push REF]",
		Short: "Make a snapshot of reports",
		Long: `Make a snapshot of the reports in FILE, or in standard input, in their order. Several inputs are read
one after the other. Each may be plain or compressed with gzip, and is one of

  reports              JSON, one after the other, as in JSON lines
  results of scans     {"state":...,"report":{"repos":[report, ...]},"metadata":...}
  an export of a cache {"entries":[{"key":...,"data":...,"ttl_remaining":...}, ...]}
  an array of these

Anything else in them is an error, and nothing is written then. Reports are kept as they are.

The directory must be absent, empty or an earlier snapshot, which is replaced as a whole. The default
is ./lei-cache-DATE. The same reports, date, time and version give the same snapshot, byte for byte:
set --created or SOURCE_DATE_EPOCH.

With --push, the snapshot is checked and then pushed from there to each REF, as leioci push does.
` + publishHelp + `

Prints the directory or, with --push, the digest reference of what was pushed, one line for each
repository. As JSON, these are the members format_version (1), directory, snapshot (source, date,
created, reports), raw_size, compressed_size and pushes (ref, tags).`,
		Example: `  leioci export --input reports.jsonl -o ./export
  scan | leioci export --input - --push ghcr.io/org/lei-cache`,
		Args: arguments(cobra.ExactArgs(0)), // cobra.NoArgs takes an argument for an unknown command
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkInputs(o.inputs); err != nil {
				return withUsage(cmd, err)
			}
			if cmd.Flags().Changed("output") {
				if err := checkOutput(o.dir); err != nil {
					return withUsage(cmd, err)
				}
			}
			if err := checkVersion(o.writer.LEIVersion); err != nil {
				return withUsage(cmd, err)
			}
			if err := o.setTimes(env, date, created); err != nil {
				return err
			}
			if flag, given := publish.given(cmd); given && len(o.refs) == 0 {
				return withUsage(cmd, fmt.Errorf("%s has no meaning without --push", flag))
			}
			var err error
			if o.pack, o.push, err = publish.options(cmd); err != nil {
				return err
			}
			o.tags, o.asJSON = publish.tags, format.isJSON()
			if moveBack {
				o.push = append(o.push, leioci.AllowMoveBack())
			}
			if allowFuture {
				o.pack = append(o.pack, leioci.PackageFuture())
				o.push = append(o.push, leioci.PushFuture())
				o.unpack = append(o.unpack, leioci.AllowFuture())
			}
			if index {
				o.unpack = append(o.unpack, leioci.IndexReports())
			}
			return interruptible(cmd.Context(), func(ctx context.Context) error {
				return export(ctx, env, network, o)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&o.inputs, "input", nil, "`file` with reports, or - for standard input; may be given several times")
	flags.StringVarP(&o.dir, "output", "o", "", "target `directory` (default ./lei-cache-DATE)")
	flags.StringVar(&date, "date", "", "the snapshot's `day`, such as 2026-02-08 (default that of --created, in UTC)")
	flags.StringVar(&created, "created", "",
		"`time` at which the snapshot was made, such as 2026-02-08T03:00:00Z, or in seconds since 1970 (default $SOURCE_DATE_EPOCH, or now)")
	flags.StringVar(&o.writer.LEIVersion, "lei-version", "", "`version` of LowEndInsight that made the reports")
	flags.StringSliceVar(&o.refs, "push", nil, "also push to this `REF`; may be given several times")
	flags.BoolVar(&o.allowEmpty, "allow-empty", false, "write a snapshot even if there is no report in the input")
	flags.BoolVar(&index, "index", false, "also make an index, as leioci import does")
	flags.BoolVar(&moveBack, "allow-move-back", false, "push: move tags such as latest even if they point at a newer snapshot")
	flags.BoolVar(&allowFuture, "allow-future", false, "allow a --date later than tomorrow")
	publish = addPublishFlags(cmd, "push: ")
	o.publish = publish
	format = addFormatFlag(cmd)
	network = addNetworkFlags(cmd)
	return cmd
}

// exportOptions are what the flags of export say.
type exportOptions struct {
	inputs     []string
	dir        string
	writer     snapshot.WriterOptions
	allowEmpty bool
	asJSON     bool
	unpack     []leioci.PullOption
	refs, tags []string
	pack       []leioci.PackageOption
	push       []leioci.PushOption
	publish    *publishFlags
}

// checkVersion refuses a version that the library would refuse after all reports have been read.
func checkVersion(v string) error {
	const most = 256
	if len(v) > most || !utf8.ValidString(v) || strings.ContainsFunc(v, unicode.IsControl) {
		return fmt.Errorf("--lei-version %.40q: want at most %d bytes of UTF-8 without control characters", v, most)
	}
	return nil
}

// setTimes sets the time and the date of the snapshot, and the directory that is named after it.
func (o *exportOptions) setTimes(env environment, date, created string) (err error) {
	if o.writer.Created, err = createdTime(env, created, time.Now()); err != nil {
		return err
	}
	if o.writer.Date, err = parseDate(date, o.writer.Created); err != nil {
		return err
	}
	if o.dir == "" {
		o.dir = "lei-cache-" + o.writer.Date.Format(time.DateOnly) // as after a pull of that day's tag
	}
	return nil
}
