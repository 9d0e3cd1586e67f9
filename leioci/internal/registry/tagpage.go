package registry

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/jsonstream"
)

// A tagPage is one response of a listing.
type tagPage struct {
	body []byte
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
	next, err := nextPage(first, resp)
	return tagPage{body, next}, err
}

// A listing is what the pages so far have brought.
type listing struct {
	first   *url.URL
	tags    []string
	seen    map[string]struct{}
	last    string // the last valid tag, whether it is new or not
	names   int    // so far, whatever they are
	invalid int    // of them
	empty   int    // pages in a row
	linked  bool   // a page had a Link to the next
	asked   bool   // the next page was asked for without one
	short   bool   // and the last page was shorter than it might have been
}

// add adds a page, and returns where the next one is, or nil after the last. A page that a Link
// leads to must bring a tag: the list would have no end.
//
// Some registries send no Link at all, go-containerregistry's among them, and others may have
// shorter pages than they are asked for. So they are asked for what follows the last tag, until
// nothing does.
func (l *listing) add(page tagPage) (next *url.URL, err error) {
	tags, names := len(l.tags), l.names
	if err := l.decode(page.body); err != nil {
		return nil, fmt.Errorf("decode the list of tags: %w", err)
	}
	progress, names := len(l.tags) > tags, l.names-names
	switch {
	case progress:
		l.empty = 0
	case l.asked: // the same again, from one that does not know "last"
		return nil, nil
	case page.next != nil:
		if l.empty++; names > 0 || l.empty > maxEmptyPages {
			return nil, fmt.Errorf("the registry's list of tags has no end: after %d tags, its next pages bring no others", len(l.tags))
		}
	}
	l.linked = l.linked || page.next != nil
	l.asked = !l.linked && progress
	l.short = l.asked && names < pageSize
	if l.asked {
		after := *l.first
		after.RawQuery = strings.TrimPrefix(after.RawQuery+"&last="+url.QueryEscape(l.last), "&")
		return &after, nil
	}
	return page.next, nil
}

// addName adds a name unless it is known or no valid tag.
func (l *listing) addName(tag string) error {
	l.names++
	if !ValidTag(tag) {
		l.invalid++
		return nil
	}
	l.last = tag
	if _, known := l.seen[tag]; known {
		return nil
	}
	if len(l.tags) == maxTags {
		return fmt.Errorf("%w: more than %d tags", errdef.ErrTooLarge, maxTags)
	}
	l.seen[tag] = struct{}{}
	l.tags = append(l.tags, tag)
	return nil
}

// decode adds the names in the body of a page, one by one: decoded as a whole, empty names take
// many times the memory that they have bytes.
func (l *listing) decode(body []byte) error {
	r := jsonstream.NewReader(bytes.NewReader(body))
	err := r.Object(func(member []byte) error {
		if string(member) != "tags" {
			return r.Skip()
		}
		if null, err := r.Null(); null || err != nil {
			return err
		}
		return r.Array(func() error { return l.decodeName(r) })
	})
	return cmp.Or(err, r.End())
}

func (l *listing) decodeName(r *jsonstream.Reader) error {
	if null, err := r.Null(); null || err != nil {
		l.names, l.invalid = l.names+1, l.invalid+1
		return err
	}
	tag, err := r.String(maxTagBytes)
	if errors.Is(err, jsonstream.ErrTooLong) {
		tag, err = "", nil // nor is that a valid one
	}
	if err != nil {
		return err
	}
	return l.addName(tag)
}
