package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"github.com/lowendinsight/lei-go/leioci"
)

func newPull(env environment) *cobra.Command {
	var dir string
	var older, future, verify, index bool
	var maxAge days
	var mirrors []string
	var network *networkFlags
	var format *format
	var trust *trustFlags
	var allowance days
	cmd := &cobra.Command{
		Use:   "pull REF",
		Short: "Pull a snapshot into a directory",
		Long: `Pull the snapshot that REF names, verify its digests, and put it into a directory atomically.

` + refHelp + `

The directory must be absent, empty or an earlier snapshot, which is replaced. Files that are already
there are not fetched again, and an interrupted pull resumes where it stopped.

` + trustHelp + `

` + pullHelp + `

Since the directory is replaced as a whole, it cannot be the working directory or a mount point. For
the same reason, a container that reads it has to mount its parent: a mount of the directory itself
keeps the old one, which is empty after the next pull.`,
		Example: "  leioci pull ghcr.io/org/lei-cache\n  leioci pull ghcr.io/org/lei-cache:weekly -o ./lei\n" +
			"  leioci pull oci-archive:lei.tar -o ./lei",
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			trusted, err := trust.options()
			if err != nil {
				return err
			}
			opts := append(pullOptions(trusted), leioci.ClockAllowance(time.Duration(allowance)))
			if older {
				opts = append(opts, leioci.AllowOlder())
			}
			if future {
				opts = append(opts, leioci.AllowFuture())
			}
			if verify {
				opts = append(opts, leioci.VerifyReports())
			}
			if index {
				opts = append(opts, leioci.IndexReports())
			}
			if cmd.Flags().Changed("max-age") {
				opts = append(opts, leioci.MaxAge(time.Duration(maxAge)))
			}
			if cmd.Flags().Changed("output") {
				if err := checkOutput(dir); err != nil {
					return withUsage(cmd, err)
				}
			}
			return interruptible(cmd.Context(), func(ctx context.Context) error {
				return pull(ctx, env, network, args[0], mirrors, dir, verify || index, format, opts)
			})
		},
	}
	cmd.Flags().StringVarP(&dir, "output", "o", "",
		"target `directory` (default ./lei-cache-TAG, or ./lei-cache- and the first 12 hex digits of the digest)")
	cmd.Flags().BoolVar(&older, "allow-older", false,
		"allow a moving tag to replace the directory's snapshot with an older one")
	cmd.Flags().BoolVar(&future, "allow-future", false, "pull a snapshot that is dated later than tomorrow (UTC)")
	cmd.Flags().Var(&maxAge, "max-age",
		"fail, and replace nothing, if the snapshot's date is longer ago than this, such as 48h or 2d")
	cmd.Flags().BoolVar(&verify, "verify", false,
		"also check the reports against manifest.json, even if they are already there; replace nothing if they differ")
	cmd.Flags().BoolVar(&index, "index", false,
		"also make an index, so that questions such as those of leioci check are answered at once; implies --verify")
	cmd.Flags().StringSliceVar(&mirrors, "mirror", nil,
		"`repository` to try before REF's own; several are tried in the order given")
	addAllowanceFlag(cmd, &allowance)
	trust = addTrustFlags(cmd, env)
	format = addFormatFlag(cmd)
	network = addNetworkFlags(cmd)
	return cmd
}

func pull(
	ctx context.Context, env environment, network *networkFlags, s string, mirrors []string, dir string,
	verified bool, f *format, opts []leioci.PullOption,
) error {
	at, err := parseLocation(s)
	if err != nil {
		return err
	}
	if repo, ok := at.Repository(); ok && at.Identifier() == "" {
		at = leioci.RegistryLocation(repo.Tag("latest"))
	}
	if dir == "" {
		if dir, err = defaultDir(at); err != nil {
			return err
		}
	}
	if err := refuseWorkingDir(dir); err != nil {
		return err
	}
	client, err := newReader(env, network, at, mirrors)
	if err != nil {
		return err
	}
	var res *leioci.PullResult
	err = network.show(env, func(shown leioci.TransferOption) (err error) {
		res, err = client.PullFrom(ctx, at, dir, append(opts, shown)...)
		return err
	})
	if err != nil {
		return err
	}
	return printPull(env, network, f, newPullDocument(at.String(), dir, res, verified, time.Now()), res)
}

// parseMirrors parses the repositories that mirror another.
func parseMirrors(texts []string, of name.Repository) ([]leioci.Mirror, error) {
	var mirrors []leioci.Mirror
	for _, text := range texts {
		at, err := leioci.ParseRepository(text)
		if err != nil {
			return nil, fmt.Errorf("--mirror: %w", err)
		}
		mirrors = append(mirrors, leioci.Mirror{Of: of, At: at})
	}
	return mirrors, nil
}

// defaultDir returns the target directory of a pull without -o.
func defaultDir(at leioci.Location) (string, error) {
	const digits = 12
	id := at.Identifier()
	if strings.Contains(id, ":") {
		h, err := v1.NewHash(id)
		if err != nil {
			return "", err
		}
		id = h.Hex[:digits]
	}
	if id == "" {
		id = "latest"
	}
	return "lei-cache-" + id, nil
}
