package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

func newPush(env environment) *cobra.Command {
	var opts pushOptions
	var moveBack, allowFuture, verify, noVerify bool
	var network *networkFlags
	var publish *publishFlags
	cmd := &cobra.Command{
		Use:   "push DIR REF [REF...]",
		Short: "Push the snapshot in a directory",
		Long: `Push the snapshot in DIR to one or more repositories, each of which is registry/repository,
oci-layout:DIR or oci-archive:FILE. A layout or an archive is created if need be.

The reports are checked against manifest.json first, and nothing is pushed if they differ. What was
checked is what is pushed, even if DIR is replaced meanwhile. A DIR that was pulled is packed anew, without
what its publisher added: leioci copy REF REF passes an artifact on as it is, signatures included.

A REF with a tag gets that tag. A REF without one gets the tags of the snapshot's own date: the
date, latest and, on a Sunday, weekly. Prints the digest reference of what was pushed, one line for
each repository. If one repository fails, the snapshot is still pushed to the others.

As JSON, these are the members format_version (1) and pushes, one for each repository (ref, tags).

` + publishHelp + `

` + dryRunHelp,
		Example: "  leioci push ./export ghcr.io/org/lei-cache\n  leioci push ./export ghcr.io/org/lei-cache:2026-02-08",
		Args:    arguments(cobra.MinimumNArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == "" { // push "$DIR" REF, where DIR is not set
				return withUsage(cmd, errors.New("DIR is empty"))
			}
			opts.verify = verify && !noVerify
			var err error
			if opts.pack, opts.push, err = publish.options(cmd); err != nil {
				return err
			}
			opts.tags = publish.tags
			if moveBack {
				opts.push = append(opts.push, leioci.AllowMoveBack())
			}
			if allowFuture {
				opts.pack = append(opts.pack, leioci.PackageFuture())
				opts.push = append(opts.push, leioci.PushFuture())
			}
			return interruptible(cmd.Context(), func(ctx context.Context) error {
				return push(ctx, env, network, args[0], args[1:], opts)
			})
		},
	}
	cmd.Flags().BoolVar(&moveBack, "allow-move-back", false,
		"move tags such as latest even if they point at a newer snapshot")
	cmd.Flags().BoolVar(&allowFuture, "allow-future", false, "push even if the snapshot's date is later than tomorrow")
	cmd.Flags().BoolVar(&noVerify, "no-verify", false, "do not check the reports first")
	cmd.Flags().BoolVar(&verify, "verify", true, "the default; earlier versions had to be asked")
	_ = cmd.Flags().MarkHidden("verify") // it is there
	cmd.Flags().BoolVar(&opts.dryRun, "dry-run", false, "say what would be pushed, and write nothing to the registry")
	publish = addPublishFlags(cmd, "")
	opts.publish = publish
	opts.format = addFormatFlag(cmd)
	network = addNetworkFlags(cmd)
	return cmd
}

// pushOptions are what the flags of push say.
type pushOptions struct {
	verify bool
	dryRun bool
	format *format
	tags   []string // beside the snapshot's own, or those of the references
	pack   []leioci.PackageOption
	push   []leioci.PushOption

	publish *publishFlags
}

func push(ctx context.Context, env environment, network *networkFlags, dir string, refs []string, opts pushOptions) error {
	if dir == "" {
		return usageError{errors.New("DIR is empty: give the directory of the snapshot to push")}
	}
	if err := refuseReference(dir, "leioci copy copies what it names"); err != nil {
		return err
	}
	to, err := newPushing(env, network, refs)
	if err != nil {
		return err
	}
	to.addTags(opts.tags)
	to.asJSON = opts.format.isJSON()
	s, err := snapshot.Open(dir) // once: what is verified is what is pushed
	if err != nil {
		return fmt.Errorf("push %s: %w", dir, err)
	}
	defer s.Close() // after the last push
	img, err := packageVerified(ctx, s, opts)
	if err != nil {
		return fmt.Errorf("push %s: %w", dir, err)
	}
	if opts.dryRun {
		return to.preview(ctx, env, leioci.GenerateTags(s.Metadata().Date), img, opts.push)
	}
	err = to.push(ctx, env, dir, leioci.GenerateTags(s.Metadata().Date), img, opts.push)
	if to.asJSON && len(to.pushed) > 0 {
		err = errors.Join(err, writeJSON(env.stdout, pushDocument{formatVersion, to.pushed}))
	}
	return err
}

// A pushing is where a snapshot is to be pushed, and by which client.
type pushing struct {
	client  *leioci.Client
	targets []target
	asJSON  bool       // do not print what was pushed line by line
	pushed  []pushJSON // what did not fail
	network *networkFlags
}

// newPushing returns a pushing to what references name.
func newPushing(env environment, network *networkFlags, refs []string) (*pushing, error) {
	targets, err := parseTargets(refs)
	if err != nil {
		return nil, err
	}
	client, err := newClient(env, network, registriesIn(locations(targets)...))
	if err != nil {
		return nil, err
	}
	return &pushing{client: client, targets: targets, network: network}, nil
}

// push pushes the snapshot of a directory. A target without tags of its own gets those given.
func (p *pushing) push(
	ctx context.Context, env environment, dir string, tags []string, img v1.Image, opts []leioci.PushOption,
) error {
	var failed []error // if one repository fails, still push to the others
	for _, t := range p.targets {
		pushTags := t.allTags(tags)
		var hash v1.Hash
		err := p.network.show(env, func(shown leioci.TransferOption) (err error) {
			hash, err = p.client.PushTo(ctx, t.to, pushTags, img, append(opts, shown)...)
			return err
		})
		if err != nil {
			failed = append(failed, err)
			continue
		}
		digest := t.to.At(hash.String())
		p.network.say(env, "pushed %s to %s under %s\n", dir, t.to, strings.Join(pushTags, ", "))
		p.pushed = append(p.pushed, pushJSON{Ref: digest.String(), Tags: pushTags})
		if p.asJSON {
			continue
		}
		if _, err := fmt.Fprintln(env.stdout, digest); err != nil {
			failed = append(failed, fmt.Errorf("pushed %s, but %w", digest, err))
		}
	}
	return errors.Join(failed...)
}

// packageVerified returns a snapshot as an artifact, verified unless that was not wanted.
func packageVerified(ctx context.Context, s *snapshot.Snapshot, opts pushOptions) (v1.Image, error) {
	if opts.verify {
		if err := s.Verify(ctx); err != nil {
			return nil, fmt.Errorf("%w (--no-verify pushes it all the same)", err)
		}
	}
	validity, err := opts.publish.validity(s.Metadata().Created, time.Now())
	if err != nil {
		return nil, err
	}
	return leioci.PackageSnapshot(ctx, s, append(opts.pack, validity...)...)
}

// target is a registry's repository, a layout or an archive, and the tags to push there.
type target struct {
	to    leioci.Location
	dated bool // also push the generated tags
	tags  []string
}

// allTags returns the tags to push, without duplicates. The generated ones come first, because they
// begin with the dated tag.
func (t target) allTags(generated []string) []string {
	var tags []string
	if t.dated {
		tags = append(tags, generated...)
	}
	for _, tag := range t.tags {
		tags = appendUnique(tags, tag)
	}
	return tags
}

// parseTargets parses references and groups them by repository, in the order given.
func parseTargets(refs []string) ([]target, error) {
	var targets []target
	for _, s := range refs {
		at, err := parseLocation(s)
		if err != nil {
			return nil, err
		}
		tag := at.Identifier()
		if strings.Contains(tag, ":") {
			return nil, usageError{fmt.Errorf("%s: cannot push to a digest; give a tag, or no tag", at)}
		}
		t := targetFor(&targets, at.Place())
		if tag == "" {
			t.dated = true
		} else {
			t.tags = appendUnique(t.tags, tag)
		}
	}
	if len(targets) == 0 {
		return nil, usageError{errors.New("no reference given")}
	}
	return targets, nil
}

// targetFor returns the target for a place, adding it if necessary.
func targetFor(targets *[]target, to leioci.Location) *target {
	for i := range *targets {
		if (*targets)[i].to == to {
			return &(*targets)[i]
		}
	}
	*targets = append(*targets, target{to: to})
	return &(*targets)[len(*targets)-1]
}

func locations(targets []target) []leioci.Location {
	all := make([]leioci.Location, len(targets))
	for i, t := range targets {
		all[i] = t.to
	}
	return all
}
