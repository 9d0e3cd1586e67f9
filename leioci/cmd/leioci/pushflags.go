package main

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/lowendinsight/lei-go/leioci"
)

// publishHelp explains the flags that push and export share.
const publishHelp = `--tag adds a tag, in each repository, to those that the snapshot gets there. With --no-clobber, no tag
changes what it holds, latest neither: if one of them holds anything else, nothing is uploaded to that
repository. A tag that holds this very snapshot is left. --annotation adds to the manifest, whose digest
is another one then.`

// publishFlags are flags that push and export share.
type publishFlags struct {
	tags, annotations []string
	noClobber         bool
}

// addPublishFlags adds the flags. about begins what the help says of each.
func addPublishFlags(cmd *cobra.Command, about string) *publishFlags {
	f := &publishFlags{}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.tags, "tag", nil, about+"also give it this `tag`, in each repository; may be given several times")
	flags.StringArrayVar(&f.annotations, "annotation", nil,
		about+"add `KEY=VALUE` to the manifest's annotations; may be given several times")
	flags.BoolVar(&f.noClobber, "no-clobber", false, about+"make tags, and change none that holds anything else")
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
	if f.noClobber {
		push = append(push, leioci.NoOverwrite())
	}
	return pack, push, nil
}

// given reports whether one of the flags was.
func (f *publishFlags) given(cmd *cobra.Command) (flag string, given bool) {
	for _, name := range []string{"tag", "annotation", "no-clobber"} {
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
			return nil, fmt.Errorf("--annotation %s: comes from the snapshot, and cannot be set", key)
		case twice:
			return nil, fmt.Errorf("--annotation %.100q: is given twice", key)
		}
		annotations[key] = value
	}
	return annotations, nil
}

// isReserved reports whether a snapshot's own annotation has this key. Consumers go by some of them.
func isReserved(key string) bool {
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
