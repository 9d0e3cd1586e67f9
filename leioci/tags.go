package leioci

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
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

// Tags lists all tags of repo, across all pages, in the registry's order (OCI distribution
// specification, "Listing Tags"). A repository that does not exist is [ErrNotFound], a page of more
// than 4 MiB is [ErrTooLarge].
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

// tagGrammar is the grammar of a tag in the OCI distribution specification, "Pulling manifests".
var tagGrammar = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)

// checkTag returns an error if tag is invalid. The error says what a valid tag looks like.
func checkTag(tag string) error {
	if !tagGrammar.MatchString(tag) {
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
