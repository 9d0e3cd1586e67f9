package main

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/lowendinsight/lei-go/leioci"
)

// publishHelp explains the flags that push and export share.
const publishHelp = `--tag adds a tag, in each repository, to those that the snapshot gets there. With --no-clobber, no tag
changes what it holds, latest neither: if one of them holds anything else, nothing is uploaded to that
repository. A tag that holds this very snapshot is left. --annotation adds to the manifest, whose digest
is another one then. --valid-for and --next-in do so, too: they say, counted from the time when the
snapshot was made, until when it is good, after which clients refuse it, and when the next one is due,
when those that follow the tag look for it, if that is from ten minutes to 32 days. A signature of the
artifact covers both.`

// publishFlags are flags that push and export share.
type publishFlags struct {
	tags, annotations []string
	noClobber         bool
	validFor, nextIn  days
}

// addPublishFlags adds the flags. about begins what the help says of each.
func addPublishFlags(cmd *cobra.Command, about string) *publishFlags {
	f := &publishFlags{}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.tags, "tag", nil, about+"also give it this `tag`, in each repository; may be given several times")
	flags.StringArrayVar(&f.annotations, "annotation", nil,
		about+"add `KEY=VALUE` to the manifest's annotations; may be given several times")
	flags.BoolVar(&f.noClobber, "no-clobber", false, about+"make tags, and change none that holds anything else")
	flags.Var(&f.validFor, "valid-for", about+"let clients refuse it after this time, such as 48h or 2d, since it was made")
	flags.Var(&f.nextIn, "next-in", about+"let clients look for the next one after this time, such as 24h or 1d, since it was made")
	return f
}

// options returns what the flags say, for the library. Their mistakes are usage errors.
func (f *publishFlags) options(cmd *cobra.Command) (pack []leioci.PackageOption, push []leioci.PushOption, err error) {
	for _, tag := range f.tags {
		if err := checkTag(tag); err != nil {
			return nil, nil, withUsage(cmd, err)
		}
	}
	annotations, err := parseAnnotations(f.annotations)
	if err != nil {
		return nil, nil, withUsage(cmd, err)
	}
	if len(annotations) > 0 {
		pack = append(pack, leioci.Annotations(annotations))
	}
	if f.validFor > 0 && f.nextIn > f.validFor {
		return nil, nil, withUsage(cmd, fmt.Errorf("--next-in %v: is longer than --valid-for %v", f.nextIn.String(), f.validFor.String()))
	}
	if f.noClobber {
		push = append(push, leioci.NoOverwrite())
	}
	return pack, push, nil
}

// given reports whether one of the flags was.
func (f *publishFlags) given(cmd *cobra.Command) (flag string, given bool) {
	for _, name := range []string{"tag", "annotation", "no-clobber", "valid-for", "next-in"} {
		if cmd.Flags().Changed(name) {
			return "--" + name, true
		}
	}
	return "", false
}

// checkTag rejects what is not a tag, such as a whole reference.
func checkTag(tag string) error {
	if _, err := leioci.ParseReference("localhost/a:" + tag); strings.Contains(tag, "@") || err != nil {
		return fmt.Errorf("--tag %.140q: want at most 128 letters, digits, '_', '.' and '-', not starting with '.' or '-'", tag)
	}
	return nil
}

// parseAnnotations reads the values of --annotation.
func parseAnnotations(texts []string) (map[string]string, error) {
	annotations := map[string]string{}
	for _, text := range texts {
		key, value, ok := strings.Cut(text, "=")
		_, twice := annotations[key]
		switch {
		case !ok || key == "":
			return nil, fmt.Errorf("--annotation %.100q: want KEY=VALUE", text)
		case !utf8.ValidString(text):
			return nil, fmt.Errorf("--annotation %.100q: is not UTF-8", text)
		case isReserved(key):
			return nil, fmt.Errorf("--annotation %s: comes from the snapshot or from other flags, and cannot be set", key)
		case twice:
			return nil, fmt.Errorf("--annotation %.100q: is given twice", key)
		}
		annotations[key] = value
	}
	return annotations, nil
}

// isReserved reports whether a snapshot's own annotation has this key, or flags set it. Consumers
// go by some of them.
func isReserved(key string) bool {
	if key == leioci.AnnotationValidUntil || key == leioci.AnnotationNextUpdate {
		return true
	}
	own, ok := strings.CutPrefix(key, "org.opencontainers.image.")
	switch own {
	case "created", "version", "title", "description":
		return ok
	}
	return false
}

// addTags gives each target further tags.
func (p *pushing) addTags(tags []string) {
	for i := range p.targets {
		for _, tag := range tags {
			p.targets[i].tags = appendUnique(p.targets[i].tags, tag)
		}
	}
}

// validity returns what --valid-for and --next-in say of a snapshot that was made at some time. It
// is counted from there, and not from now, so that the same snapshot has the same digest.
func (f *publishFlags) validity(created, now time.Time) ([]leioci.PackageOption, error) {
	var opts []leioci.PackageOption
	if f.validFor > 0 {
		until := created.Add(time.Duration(f.validFor))
		if now.After(until) {
			return nil, fmt.Errorf("%w: it was made at %s, so that with --valid-for %v nobody would accept it any more",
				leioci.ErrStale, created.Format(time.RFC3339), time.Duration(f.validFor))
		}
		opts = append(opts, leioci.ValidUntil(until))
	}
	if f.nextIn > 0 {
		opts = append(opts, leioci.NextUpdate(created.Add(time.Duration(f.nextIn))))
	}
	return opts, nil
}
