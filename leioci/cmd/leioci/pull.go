package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"github.com/lowendinsight/lei-go/leioci"
)

func newPull(env environment) *cobra.Command {
	var dir string
	var older, verify bool
	var maxAge days
	var mirrors []string
	var network *networkFlags
	cmd := &cobra.Command{
		Use:   "pull REF",
		Short: "Pull a snapshot into a directory",
		Long: `Pull the snapshot that REF names, verify its digests and put it into a directory, in one step.

REF is registry/repository with a tag or a digest; the tag latest is understood. The directory must be absent,
empty or an earlier snapshot, which is replaced. What it holds already is not fetched again, and a pull that was
interrupted goes on where it stopped. Prints the digest reference of what the directory holds, and its age.`,
		Example: "  leioci pull ghcr.io/org/lei-cache\n  leioci pull ghcr.io/org/lei-cache:weekly -o ./lei",
		Args:    arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			var opts []leioci.PullOption
			if older {
				opts = append(opts, leioci.AllowOlder())
			}
			if verify {
				opts = append(opts, leioci.VerifyReports())
			}
			if cmd.Flags().Changed("max-age") {
				opts = append(opts, leioci.MaxAge(time.Duration(maxAge)))
			}
			if dir == "" && cmd.Flags().Changed("output") { // an unset variable, perhaps
				return misused(cmd, errors.New("--output names no directory"))
			}
			return pull(cmd.Context(), env, network, args[0], mirrors, dir, opts)
		},
	}
	cmd.Flags().StringVarP(&dir, "output", "o", "", "directory (default ./lei-cache-TAG, or the first 12 hex digits of the digest)")
	cmd.Flags().BoolVar(&older, "allow-older", false, "let a moving tag replace the directory's snapshot by an older one")
	cmd.Flags().Var(&maxAge, "max-age", "fail if the snapshot's date is longer ago, such as 48h or 2d; nothing is replaced then")
	cmd.Flags().BoolVar(&verify, "verify", false, "read the reports, too, and replace nothing if they are not what manifest.json says")
	cmd.Flags().StringSliceVar(&mirrors, "mirror", nil, "`repository` to ask before REF's own, and in this order if there are several")
	network = addNetworkFlags(cmd)
	return cmd
}

func pull(ctx context.Context, env environment, network *networkFlags, s string, mirrors []string, dir string, opts []leioci.PullOption) error {
	ref, err := leioci.ParseReference(s)
	if err != nil {
		return usageError{err}
	}
	if dir == "" {
		if dir, err = defaultDir(ref); err != nil {
			return err
		}
	}
	sources, err := parseMirrors(mirrors, ref.Context())
	if err != nil {
		return usageError{err}
	}
	client, err := newClient(env, network, []name.Repository{ref.Context()}, leioci.WithMirrors(sources...))
	if err != nil {
		return err
	}
	res, err := client.PullSnapshot(ctx, ref, dir, opts...)
	if err != nil {
		return err
	}
	did := "pulled into"
	if res.UpToDate {
		did = "up to date in"
	}
	from := ""
	if res.Source != ref.Context() {
		from = " from " + res.Source.String()
	}
	fmt.Fprintf(env.stderr, "%s %s%s: %s\n", did, dir, from, describeAge(res, time.Now()))
	_, err = fmt.Fprintln(env.stdout, res.Ref)
	return err
}

// parseMirrors reads the repositories that are mirrors of another.
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

// defaultDir is where a pull without -o goes.
func defaultDir(ref name.Reference) (string, error) {
	const digits = 12
	id := ref.Identifier()
	if digest, ok := ref.(name.Digest); ok {
		h, err := v1.NewHash(digest.DigestStr())
		if err != nil {
			return "", err
		}
		id = h.Hex[:digits]
	}
	return "lei-cache-" + id, nil
}
