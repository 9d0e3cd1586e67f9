package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// The limits of a listing.
const (
	pageSize      = 1000    // tags that are asked for at once: more than this, some registries refuse
	maxTags       = 500_000 // in all: with their longest names, 100 MB of memory
	maxEmptyPages = 10      // in a row; some registries filter a page after they have cut it
)

// tagGrammar is the grammar of a tag in the OCI distribution specification, "Pulling manifests".
var tagGrammar = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)

// ValidTag reports whether tag is one by the OCI distribution specification.
func ValidTag(tag string) bool { return tagGrammar.MatchString(tag) }

// Tags lists all tags of repo, across all pages, in the registry's order, each once (OCI distribution
// specification, "Listing Tags"). It leaves out what is not a valid tag. It does not consult mirrors.
//
// Package remote's listing is not used: it follows a Link to the same page for ever, ends without an
// error where a full page has no Link, and refuses a Link whose scheme is not the one that it guesses
// (go-containerregistry v0.22.1, remote/list.go).
func (c *Client) Tags(ctx context.Context, repo name.Repository) ([]string, error) {
	first, err := url.Parse((&session{repo: repo}).url("tags/list"))
	if err != nil {
		return nil, err
	}
	first.RawQuery = fmt.Sprintf("n=%d", pageSize)
	l := listing{first: first, seen: map[string]struct{}{}}
	for next := first; next != nil; {
		page, err := c.tagPage(ctx, repo, first, next)
		if next == first && refusesPageSize(err) {
			unsized := *first
			unsized.RawQuery = ""
			page, err = c.tagPage(ctx, repo, first, &unsized)
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

// refusesPageSize reports whether err is the response of a registry whose pages are shorter, such as
// distribution 3 with a limit of its own.
func refusesPageSize(err error) bool {
	var response *transport.Error
	return errors.As(err, &response) && hasCode(response, "PAGINATION_NUMBER_INVALID")
}

// A tagPage is one response of a listing.
type tagPage struct {
	tags []string
	next *url.URL // where the registry says that the next page is; nil if it does not
}

// tagPage fetches a page, with retries of its own.
func (c *Client) tagPage(ctx context.Context, repo name.Repository, first, at *url.URL) (page tagPage, err error) {
	err = c.retry(ctx, func(ctx context.Context) error {
		return c.inSession(ctx, sessionKey{repo, transport.PullScope}, func(ctx context.Context, s *session) (err error) {
			page, err = s.tagPage(ctx, first, at)
			return err
		})
	})
	return page, err
}

func (s *session) tagPage(ctx context.Context, first, at *url.URL) (tagPage, error) {
	resp, err := s.do(ctx, request{method: http.MethodGet, url: at.String(), statuses: []int{http.StatusOK}})
	if err != nil {
		return tagPage{}, err
	}
	body, err := io.ReadAll(resp.Body) // package limit bounds it
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return tagPage{}, err
	}
	var list struct {
		Tags []string `json:"tags"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return tagPage{}, fmt.Errorf("decode the list of tags: %w", err)
	}
	next, err := nextPage(first, resp)
	return tagPage{list.Tags, next}, err
}

// A listing is what the pages so far have brought.
type listing struct {
	first   *url.URL
	tags    []string
	seen    map[string]struct{}
	invalid int
	empty   int // pages in a row
}

// add adds a page, and returns where the next one is, or nil after the last. A page that a Link leads
// to must bring a tag: the list would have no end.
func (l *listing) add(page tagPage) (next *url.URL, err error) {
	before, invalid, last := len(l.tags), 0, ""
	for _, tag := range page.tags {
		if !ValidTag(tag) {
			invalid++
			continue
		}
		last = tag
		if _, known := l.seen[tag]; known {
			continue
		}
		if len(l.tags) == maxTags {
			return nil, fmt.Errorf("%w: more than %d tags", errdef.ErrTooLarge, maxTags)
		}
		l.seen[tag] = struct{}{}
		l.tags = append(l.tags, tag)
	}
	l.invalid += invalid
	progress := len(l.tags) > before
	switch {
	case progress:
		l.empty = 0
	case page.next != nil:
		if l.empty++; len(page.tags) > 0 || l.empty > maxEmptyPages {
			return nil, fmt.Errorf("the registry's list of tags has no end: after %d tags, its next pages bring no others", len(l.tags))
		}
	}
	if page.next == nil && progress && len(page.tags) >= pageSize { // go-containerregistry's registry sends no Link
		after := *l.first
		after.RawQuery += "&last=" + url.QueryEscape(last)
		return &after, nil
	}
	return page.next, nil
}
