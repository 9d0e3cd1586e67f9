package leioci

import (
	"context"
	"fmt"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
)

// The tags that move from snapshot to snapshot.
const (
	tagLatest = "latest"
	tagWeekly = "weekly"
)

// GenerateTags returns the tags for a snapshot of the given date: the ISO date, "latest" and, on a
// Sunday, "weekly", in that order. The day is the one in date's own location. Pass the snapshot's
// date ([snapshot.Metadata]), which may differ from today's.
func GenerateTags(date time.Time) []string {
	tags := []string{date.Format(time.DateOnly), tagLatest}
	if date.Weekday() == time.Sunday {
		tags = append(tags, tagWeekly)
	}
	return tags
}

// Tags lists all tags of repo, across all pages, in the registry's order, each once (OCI
// distribution specification, "Listing Tags"). Names that are not valid tags are left out.
//
// A repository that does not exist is [ErrNotFound]. A page of more than 4 MiB, more than 5,000
// pages, or more than 500,000 tags, is [ErrTooLarge]. A registry that names no next page (Link) is
// asked for what follows the last tag, until nothing does. A list without an end, or one that
// continues on another host, is an error, too: a list that Tags returns is complete, as far as the
// registry says.
func (c *Client) Tags(ctx context.Context, repo name.Repository) ([]string, error) {
	if err := c.checkDestination(ctx, "list tags", repo); err != nil {
		return nil, err
	}
	tags, err := c.registry.Tags(ctx, repo)
	if err != nil {
		return nil, fail("list tags", repo, err)
	}
	return tags, nil
}

// checkTag returns an error if tag is invalid. The error says what a valid tag looks like.
func checkTag(tag string) error {
	if !registry.ValidTag(tag) {
		return fmt.Errorf("invalid tag %s: want at most 128 letters, digits, '_', '.' and '-', not starting with '.' or '-'",
			quote(tag))
	}
	return nil
}

// checkTags returns an error if tags are not valid for a push.
func checkTags(tags []string) error {
	if len(tags) == 0 {
		return fmt.Errorf("%w: no tags: pass at least one, the dated one first", ErrInvalidReference)
	}
	seen := make(map[string]bool, len(tags))
	for _, tag := range tags {
		if err := checkTag(tag); err != nil {
			return fmt.Errorf("%w: %w", ErrInvalidReference, err)
		}
		if seen[tag] {
			return fmt.Errorf("%w: duplicate tag %q", ErrInvalidReference, tag)
		}
		seen[tag] = true
	}
	return nil
}

// isDated reports whether tag is an ISO date, which names one snapshot forever. Any other tag may
// move.
func isDated(tag string) bool {
	_, err := time.Parse(time.DateOnly, tag)
	return err == nil
}
