package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"
)

// inspectHelp explains what inspect prints.
const inspectHelp = `Prints the digest, which is computed here, the kind, the date and the age, the media types and sizes of
the manifest, the config and the layers, the annotations, what the config says, and the referrers:
signatures, attestations and bills of materials, by the registry's list and by the tags that cosign
makes. What is not a snapshot is described, too, with the reason why it is none; so is an index, with the
manifests that it lists. What cannot be read besides the manifest is said, and makes the command fail in
the end. Layers are not read: leioci verify does that.

With --raw, it prints the manifest byte for byte, and nothing else.

As JSON, these are the members format_version (1), source, digest, media_type, size, kind (snapshot,
image, index or other), not_snapshot, artifact_type, date, age_days, subject, config, layers, manifests,
blob_size, annotations, tags (in a layout or an archive), referrers and errors. A descriptor has
media_type, digest, size, artifact_type, file, platform and annotations, the config also content, and a
referrer kind and tag.`

func newInspect(env environment) *cobra.Command {
	var raw bool
	var format *format
	var network *networkFlags
	cmd := &cobra.Command{
		Use:   "inspect REF|DIR",
		Short: "Show what an artifact consists of",
		Long: `Show what an artifact consists of, without its layers.

REF is registry/repository, oci-layout:DIR or oci-archive:FILE, with a tag or a digest; the default tag is
latest or, in a layout or an archive without that tag, the only artifact. For a mirror, write its own
name. DIR is a directory that was pulled: the manifest that the pull kept there is shown, and the config if
it is there. A directory knows no referrers.

` + inspectHelp,
		Example: "  leioci inspect ghcr.io/org/lei-cache:2026-02-08\n" +
			"  leioci inspect --raw ghcr.io/org/lei-cache | sha256sum",
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if raw && cmd.Flags().Changed("format") {
				return withUsage(cmd, errors.New("--raw and --format are exclusive"))
			}
			return interruptible(cmd.Context(), func(ctx context.Context) error {
				return inspect(ctx, env, network, args[0], raw, format)
			})
		},
	}
	cmd.Flags().BoolVar(&raw, "raw", false, "print the manifest as it is")
	format = addFormatFlag(cmd)
	network = addNetworkFlags(cmd)
	return cmd
}

func inspect(ctx context.Context, env environment, network *networkFlags, text string, raw bool, f *format) (err error) {
	from, err := openInspected(ctx, env, network, text)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.close()) }()
	d, content, err := from.manifest(ctx)
	if err != nil {
		return err
	}
	if raw {
		_, err := env.stdout.Write(content)
		return err
	}
	i := newInspection(from.name(d.Digest), d, content)
	problems := i.complete(ctx, from, time.Now())
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if f.isJSON() {
		err = writeJSON(env.stdout, i)
	} else {
		err = i.writeText(env.stdout)
	}
	return errors.Join(err, problems)
}
