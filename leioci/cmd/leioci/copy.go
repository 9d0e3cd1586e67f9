package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lowendinsight/lei-go/leioci"
)

const copyHelp = `Copy what SRC names to DST, each of which is registry/repository, oci-layout:DIR or oci-archive:FILE,
SRC possibly with a tag or a digest, and DST with a tag. Nothing is changed on the way, so that the digest
stays the same. It need not be a snapshot.

SRC without a tag or a digest means latest or, in a layout or an archive without that tag, the only
artifact. DST without a tag gets the tag of SRC. With --all-tags, everything that has a tag is copied, but
the signatures and the like of what no tag leads to any more are not.

What refers to the artifact comes along: signatures, attestations and bills of materials, as the registry
lists them, and as cosign finds them by tags (sha256-….sig, .att and .sbom). Such a tag of DST then holds
what that of SRC does; where DST alone has had a signature there, a warning names what is replaced.

What DST has already is not sent again, and a copy that was interrupted goes on where it stopped, except
that a blob on its way to a registry begins anew. A layout or an archive is changed as a whole or not at
all, and what else is in it stays.

A tag that is not a date, such as latest, is not moved back to an older snapshot (status 3).

` + trustHelp + `
A copy asks for the signatures alone: what is older than a policy allows, or good no longer, is copied,
and a pull refuses it.

Prints what is at DST now, by digest, one line for each. As JSON, these are the members format_version (1),
source, destination, digest (unless --all-tags is given), tags (tag, digest), manifests, referrers and
bytes_copied. manifests is the number of all manifests that were copied or were there, and referrers how
many of them came along; bytes_copied is the number of bytes of blobs that were read from SRC.`

func newCopy(env environment) *cobra.Command {
	var allTags, moveBack, noClobber bool
	var mirrors []string
	var format *format
	var network *networkFlags
	var trust *trustFlags
	cmd := &cobra.Command{
		Use:   "copy SRC DST",
		Short: "Copy an artifact between registries, layouts and archives",
		Long:  copyHelp,
		Example: `  leioci copy ghcr.io/org/lei-cache:latest oci-archive:lei.tar
  leioci copy oci-archive:lei.tar registry.example.com/mirror/lei-cache
  leioci copy --all-tags ghcr.io/org/lei-cache oci-layout:./mirror`,
		Args: arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			trusted, err := trust.options()
			if err != nil {
				return err
			}
			opts := copyOptions(trusted)
			if allTags {
				opts = append(opts, leioci.AllTags())
			}
			if moveBack {
				opts = append(opts, leioci.AllowMoveBack())
			}
			if noClobber {
				opts = append(opts, leioci.NoOverwrite())
			}
			src, dst, err := parseCopy(args[0], args[1], allTags)
			if err != nil {
				return err
			}
			return interruptible(cmd.Context(), func(ctx context.Context) error {
				client, err := newReader(env, network, src, mirrors, dst)
				if err != nil {
					return err
				}
				var res *leioci.CopyResult
				err = network.show(env, func(shown leioci.TransferOption) (err error) {
					res, err = client.Copy(ctx, src, dst, append(opts, shown)...)
					return err
				})
				if err != nil {
					return err
				}
				return printCopy(env, network, src, dst, res, format)
			})
		},
	}
	cmd.Flags().BoolVar(&allTags, "all-tags", false, "copy what all tags of SRC hold, under the same tags")
	cmd.Flags().BoolVar(&moveBack, "allow-move-back", false, "move tags such as latest even if they point at a newer snapshot")
	cmd.Flags().BoolVar(&noClobber, "no-clobber", false, "make tags, and change none that holds anything else")
	cmd.Flags().StringSliceVar(&mirrors, "mirror", nil,
		"`repository` to try before SRC's own; several are tried in the order given")
	trust = addTrustFlags(cmd, env)
	format = addFormatFlag(cmd)
	network = addNetworkFlags(cmd)
	return cmd
}

// parseCopy parses both locations, and refuses what the library would refuse as wrong usage.
func parseCopy(from, to string, allTags bool) (src, dst leioci.Location, err error) {
	if src, err = parseLocation(from); err != nil {
		return src, dst, err
	}
	if dst, err = parseLocation(to); err != nil {
		return src, dst, err
	}
	switch {
	case strings.Contains(dst.Identifier(), ":"):
		err = fmt.Errorf("%s: cannot copy to a digest; give a tag, or none", dst)
	case allTags && src.Identifier() != "":
		err = fmt.Errorf("%s: has a tag or a digest; with --all-tags, give none", src)
	case allTags && dst.Identifier() != "":
		err = fmt.Errorf("%s: has a tag; with --all-tags, give none", dst)
	}
	if err != nil {
		err = usageError{err}
	}
	return src, dst, err
}

// A copyDocument is what copy prints as JSON.
type copyDocument struct {
	FormatVersion int             `json:"format_version"`
	Source        string          `json:"source"`
	Destination   string          `json:"destination"`
	Digest        string          `json:"digest,omitempty"`
	Tags          []copiedTagJSON `json:"tags"`
	Manifests     int             `json:"manifests"`
	Referrers     int             `json:"referrers"`
	BytesCopied   int64           `json:"bytes_copied"`
}

type copiedTagJSON struct {
	Tag    string `json:"tag"`
	Digest string `json:"digest"`
}

// printCopy prints what a copy has done.
func printCopy(env environment, network *networkFlags, src, dst leioci.Location, res *leioci.CopyResult, f *format) error {
	document := copyDocument{
		FormatVersion: formatVersion, Source: src.String(), Destination: dst.Place().String(), Tags: []copiedTagJSON{},
		Manifests: res.Manifests, Referrers: res.Referrers, BytesCopied: res.BytesCopied,
	}
	var digests, tags []string
	if res.Digest.Hex != "" {
		document.Digest = res.Digest.String()
		digests = append(digests, document.Digest)
	}
	for _, t := range res.Tags {
		document.Tags = append(document.Tags, copiedTagJSON{t.Tag, t.Digest.String()})
		digests = appendUnique(digests, t.Digest.String())
		tags = append(tags, t.Tag)
	}
	under := ""
	if len(tags) > 0 {
		under = " under " + shortened(strings.Join(tags, ", "))
	}
	network.say(env, "copied %s to %s%s: %s, %s came along, %s read\n", src, dst.Place(), under,
		count(int64(res.Manifests), "manifest"), count(int64(res.Referrers), "referrer"), bytesText(res.BytesCopied))
	if f.isJSON() {
		return writeJSON(env.stdout, document)
	}
	for _, digest := range digests {
		if _, err := fmt.Fprintln(env.stdout, dst.At(digest)); err != nil {
			return err
		}
	}
	return nil
}
