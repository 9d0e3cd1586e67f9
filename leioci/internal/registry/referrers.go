package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

// The limits of a list of referrers. Few manifests have more than ten.
const (
	maxReferrers     = 10_000
	maxReferrerPages = 1000
	maxReferrerBytes = 16 << 20 // of all pages
)

// Referrers returns what a repository lists as referring to a manifest, each once: by the API (OCI
// distribution specification, "Listing Referrers") and by the index under a tag ("Referrers Tag
// Schema"). Both are always asked: where a registry learned the API later, it does not list what
// was pushed before, and some respond with an empty list to everything.
//
// A registry that does not know the API has no list there, whatever it responds. If neither tells
// anything, but a request failed for another reason, that is the error.
func (s *Source) Referrers(ctx context.Context, subject v1.Hash) ([]v1.Descriptor, error) {
	list := &referrers{seen: map[v1.Hash]bool{}}
	apiErr := s.addReferrers(ctx, list, func(ctx context.Context, session *session, list *referrers) error {
		return session.referrersByAPI(ctx, subject, list)
	})
	if ctx.Err() != nil || lists(apiErr) {
		return nil, apiErr
	}
	tagErr := s.addReferrers(ctx, list, func(ctx context.Context, session *session, list *referrers) error {
		return session.referrersByTag(ctx, subject, list)
	})
	_, absent := errdef.NoteOf[Absent](tagErr)
	switch {
	case ctx.Err() != nil || lists(tagErr):
		return nil, tagErr
	case tagErr == nil || absent:
		if apiErr != nil && !lacksAPI(apiErr) {
			s.client.config.Log.Warnf("%s does not list the referrers of %s by its API, and may have others: %v",
				s.repo, subject, Redact(apiErr))
		}
	case apiErr != nil:
		return nil, errors.Join(tagErr, apiErr)
	default: // some hide a tag that does not exist
		s.client.config.Log.Warnf("%s does not say what %s holds, and may list other referrers there: %v",
			s.repo, s.repo.Tag(store.ReferrersTag(subject)), Redact(tagErr))
	}
	return list.all, nil
}

// lists reports whether err is that of a list that cannot be used or waited for, however else it is
// asked for.
func lists(err error) bool {
	_, limited := RateLimited(err)
	return limited || errors.Is(err, errdef.ErrTooLarge)
}

// lacksAPI reports whether err is the response of a registry that does not know the API, or of what
// is not one.
func lacksAPI(err error) bool {
	return !errors.Is(err, errCut) && (errors.Is(err, errNoList) || hasStatus(err, http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed,
		http.StatusNotAcceptable, http.StatusGone, http.StatusUnsupportedMediaType, http.StatusNotImplemented))
}

// errCut is the error of a list whose first page came, and a later one did not.
var errCut = errors.New("a page after the first cannot be had")

// errNoList is the error of a response that is not a list of referrers.
var errNoList = errors.New("not an image index")

// errEmptyList lets the next place be asked: a mirror may not know what refers to its content.
var errEmptyList = errors.New("no referrers")

// addReferrers adds what the first place lists that lists any. Of a list that was cut, it adds what
// came.
func (s *Source) addReferrers(ctx context.Context, list *referrers, add func(context.Context, *session, *referrers) error) error {
	var found *referrers
	_, err := s.ask(ctx, func(ctx context.Context, session *session) error {
		found = &referrers{seen: map[v1.Hash]bool{}}
		err := add(ctx, session, found)
		if err == nil && len(found.all) == 0 && s.HasMirrors() {
			err = errEmptyList
		}
		return err
	})
	if errors.Is(err, errEmptyList) {
		return nil
	}
	if err != nil && !errors.Is(err, errCut) {
		return err
	}
	for _, d := range found.all {
		if err := list.add(d); err != nil {
			return err
		}
	}
	return err
}

// referrers are the descriptors so far, each digest once.
type referrers struct {
	all   []v1.Descriptor
	seen  map[v1.Hash]bool
	bytes int
}

func (l *referrers) add(d v1.Descriptor) error {
	if l.seen[d.Digest] {
		return nil
	}
	if len(l.all) == maxReferrers {
		return fmt.Errorf("%w: more than %d referrers", errdef.ErrTooLarge, maxReferrers)
	}
	l.seen[d.Digest] = true
	l.all = append(l.all, d)
	return nil
}

// addPage adds the descriptors in an index.
func (l *referrers) addPage(raw []byte) error {
	if l.bytes += len(raw); l.bytes > maxReferrerBytes {
		return fmt.Errorf("%w: lists of referrers of more than %d bytes", errdef.ErrTooLarge, maxReferrerBytes)
	}
	listed, err := manifest.Listed(raw)
	if errors.Is(err, errdef.ErrTooLarge) {
		return err
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errNoList, err)
	}
	for _, d := range listed {
		if err := l.add(d); err != nil {
			return err
		}
	}
	return nil
}

// referrersByAPI adds the descriptors on all pages of the API's list. A page that brings nothing new
// may be one that was filtered after it was cut, but not if it was asked for before: the list would
// have no end.
func (s *session) referrersByAPI(ctx context.Context, subject v1.Hash, list *referrers) error {
	first, err := url.Parse(s.url("referrers/" + digestText(subject)))
	if err != nil {
		return err
	}
	asked, idle := map[string]bool{}, 0
	for next := first; next != nil && !asked[next.String()]; {
		if len(asked) == maxReferrerPages {
			return fmt.Errorf("%w: more than %d pages of referrers", errdef.ErrTooLarge, maxReferrerPages)
		}
		asked[next.String()] = true
		before := len(list.all)
		if next, err = s.referrersPage(ctx, first, next, list); err != nil && len(asked) > 1 {
			return fmt.Errorf("%w: %w", errCut, err)
		} else if err != nil {
			return err
		}
		if len(list.all) > before {
			idle = 0
		} else if idle++; idle > maxEmptyPages {
			return nil
		}
	}
	return nil
}

func (s *session) referrersPage(ctx context.Context, first, at *url.URL, list *referrers) (next *url.URL, err error) {
	resp, err := s.do(ctx, request{
		method: http.MethodGet, url: at.String(),
		header:   http.Header{"Accept": {string(types.OCIImageIndex)}},
		statuses: []int{http.StatusOK},
	})
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(resp.Body) // package limit bounds it
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return nil, err
	}
	if err := list.addPage(raw); err != nil {
		return nil, err
	}
	return nextPage(first, resp)
}

// referrersByTag adds the descriptors in the index under the tag for a manifest's referrers.
func (s *session) referrersByTag(ctx context.Context, subject v1.Hash, list *referrers) error {
	m, err := s.anyManifest(ctx, s.repo.Tag(store.ReferrersTag(subject)))
	if err != nil {
		return err
	}
	if !m.Descriptor.MediaType.IsIndex() {
		return fmt.Errorf("%w, but %.100q", errNoList, m.Descriptor.MediaType)
	}
	return list.addPage(m.Raw)
}
