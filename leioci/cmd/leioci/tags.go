package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lowendinsight/lei-go/leioci"
)

// defaultTagLimit is how many tags are looked at unless told otherwise: a request each.
const defaultTagLimit = 100

func newTags(env environment) *cobra.Command {
	var limit int
	var format *format
	var network *networkFlags
	cmd := &cobra.Command{
		Use:   "tags REPO",
		Short: "List the tags of a repository, and what they hold",
		Long: `List the tags of a repository: those that are dates, the newest first, then latest and weekly, then all
others by name. Each has the digest and the size of what it holds. For latest, weekly and the others it
says which dates they equal now.

REPO is registry/repository, oci-layout:DIR or oci-archive:FILE, without a tag. For a mirror, write its own
name.

Each tag is looked at, which is a request. Of many tags, only the first --limit are, beside latest and
weekly; standard error says how many are left out. A tag that is removed meanwhile is left out, too. One
whose manifest is not valid is listed with the reason, and makes the command fail in the end.

As JSON, these are the members format_version (1), repository, total (the number of tags there) and tags
(tag, digest, media_type, kind, date, same_as, size, error). kind is snapshot, image, index or other; date
is that of the snapshot; same_as are the dates whose tags hold the same digest; size is that of the blobs in
bytes.`,
		Example: "  leioci tags ghcr.io/org/lei-cache\n  leioci tags --limit 0 --format json ghcr.io/org/lei-cache",
		Args:    arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 0 {
				return withUsage(cmd, fmt.Errorf("--limit %d: must not be negative", limit))
			}
			return interruptible(cmd.Context(), func(ctx context.Context) error {
				return tags(ctx, env, network, args[0], limit, format)
			})
		},
	}
	cmd.Flags().IntVar(&limit, "limit", defaultTagLimit, "the largest `number` of tags to list, beside latest and weekly; 0 is all")
	format = addFormatFlag(cmd)
	network = addNetworkFlags(cmd)
	return cmd
}

func tags(ctx context.Context, env environment, network *networkFlags, text string, limit int, f *format) (err error) {
	at, err := parsePlace(text)
	if err != nil {
		return err
	}
	repo, err := openRepository(ctx, env, network, at)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, repo.Close()) }()
	names, err := repo.Tags(ctx)
	if err != nil {
		return err
	}
	list := arrangeTags(names, limit)
	if err := list.resolve(ctx, repo); err != nil {
		return err
	}
	if f.isJSON() {
		err = writeJSON(env.stdout, list.document(at))
	} else {
		err = list.writeText(env.stdout, time.Now())
	}
	if err != nil {
		return err
	}
	network.say(env, "%s", list.omissions(at))
	return list.failure(at)
}

// omissions says what is not in the list, a line each.
func (l *tagList) omissions(at leioci.Location) string {
	var text strings.Builder
	var gone []string
	for _, t := range l.tags {
		if t.gone {
			gone = append(gone, t.name)
		}
	}
	switch {
	case len(l.there) == 0:
		fmt.Fprintf(&text, "no tags in %s\n", at)
	case len(gone) > 0:
		fmt.Fprintf(&text, "removed meanwhile: %s\n", strings.Join(gone, ", "))
	}
	if l.omitted > 0 {
		fmt.Fprintf(&text, "%s more; --limit 0 lists all\n", count(int64(l.omitted), "tag"))
	}
	return text.String()
}

// failure is the error of what is in the list and cannot be read.
func (l *tagList) failure(at leioci.Location) error {
	var failed []error
	gone := 0
	for _, t := range l.tags {
		if t.err != nil {
			failed = append(failed, t.err)
		}
		if t.gone {
			gone++
		}
	}
	if gone > 0 && gone == len(l.tags) {
		failed = append(failed, fmt.Errorf("%s lists %s, and none is there: %w", at, count(int64(gone), "tag"), leioci.ErrNotFound))
	}
	if len(failed) > 1 {
		return fmt.Errorf("%w; and %s like it", failed[0], count(int64(len(failed)-1), "failure"))
	}
	return errors.Join(failed...)
}
