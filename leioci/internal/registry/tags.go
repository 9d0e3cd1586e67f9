package registry

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/retry"
)

// The limits of a listing.
const (
	pageSize      = 1000    // tags that are asked for at once: more than this, some registries refuse
	maxTags       = 500_000 // in all: with their longest names, 100 MB of memory
	maxPages      = 5000    // in all, each with at least one tag: registries have 50 or more on each
	maxTagBytes   = 128     // by the grammar of a tag
	maxEmptyPages = 10      // in a row; some registries filter a page after they have cut it
)

// ValidTag reports whether tag is one by the OCI distribution specification, "Pulling manifests".
func ValidTag(tag string) bool {
	const word = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
	return tag != "" && len(tag) <= maxTagBytes && strings.Contains(word, tag[:1]) && strings.Trim(tag, word+".-") == ""
}

// Tags lists all tags of repo, across all pages, in the registry's order, each once (OCI
// distribution specification, "Listing Tags"). It leaves out what is not a valid tag. It does not
// consult mirrors.
//
// Package remote's listing is not used: it follows a Link to the same page for ever, ends without
// an error where a full page has no Link, and refuses a Link whose scheme is not the one that it
// guesses (go-containerregistry v0.22.1, remote/list.go).
func (c *Client) Tags(ctx context.Context, repo name.Repository) ([]string, error) {
	first, err := url.Parse(urlPrefix(repo, repo.Scheme()) + "tags/list")
	if err != nil {
		return nil, err
	}
	first.RawQuery = fmt.Sprintf("n=%d", pageSize)
	l := listing{first: first, seen: map[string]struct{}{}}
	for pages, next := 1, first; next != nil; pages++ {
		if pages > maxPages {
			return nil, fmt.Errorf("%w: more than %d pages, with %d tags so far", errdef.ErrTooLarge, maxPages, len(l.tags))
		}
		page, err := c.tagPage(ctx, repo, first, next)
		if next == first && refusesPageSize(err) {
			unsized := *first
			unsized.RawQuery = ""
			l.first = &unsized
			page, err = c.tagPage(ctx, repo, first, l.first)
		}
		if l.short && ctx.Err() == nil && refusesPage(err) {
			break
		}
		if err == nil {
			next, err = l.add(page)
		}
		if err != nil {
			return nil, err
		}
	}
	if l.invalid > 0 {
		c.config.Log.Warnf("%d names in the list of tags of %s are no valid tags, and left out", l.invalid, repo)
	}
	return l.tags, nil
}

// refusesPage reports whether err is a response that would be the same next time.
func refusesPage(err error) bool {
	var response *transport.Error
	return errors.As(err, &response) && !retry.IsRetryable(err)
}

// refusesPageSize reports whether err is the response of a registry whose pages are shorter, such
// as distribution 3 with a limit of its own.
func refusesPageSize(err error) bool {
	var response *transport.Error
	return errors.As(err, &response) && hasCode(response, "PAGINATION_NUMBER_INVALID")
}
