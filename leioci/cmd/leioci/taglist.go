package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lowendinsight/lei-go/leioci"
)

// tagLooks is how many tags are looked at concurrently.
const tagLooks = 8

// movingTags are those that are always listed.
func movingTags() []string { return []string{"latest", "weekly"} }

// A tagList is what tags prints.
type tagList struct {
	there   map[string]*listedTag // all that the repository has; nil if not looked at
	tags    []*listedTag          // those that are listed
	omitted int
	dates   map[string][]string // by digest, the newest first
}

// A listedTag is a tag and what it holds.
type listedTag struct {
	name string
	held artifactSummary
	gone bool  // it was removed after it was listed
	err  error // why what it holds cannot be read
}

// arrangeTags sorts the tags and cuts them to the limit, which may be 0 for none.
func arrangeTags(names []string, limit int) *tagList {
	var dated, moving, others []string
	for _, name := range names {
		switch {
		case isDate(name):
			dated = append(dated, name)
		case !slices.Contains(movingTags(), name):
			others = append(others, name)
		}
	}
	l := &tagList{there: make(map[string]*listedTag, len(names)), dates: map[string][]string{}}
	for _, name := range names {
		l.there[name] = nil
	}
	for _, name := range movingTags() {
		if _, ok := l.there[name]; ok {
			moving = append(moving, name)
		}
	}
	slices.Sort(dated)
	slices.Reverse(dated)
	slices.Sort(others)
	shownDated, shownOthers := dated, others
	if limit > 0 {
		shownDated = dated[:min(len(dated), limit)]
		shownOthers = others[:min(len(others), limit-len(shownDated))]
	}
	for _, name := range slices.Concat(shownDated, moving, shownOthers) {
		l.there[name] = &listedTag{name: name}
		l.tags = append(l.tags, l.there[name])
	}
	l.omitted = len(dated) + len(others) - len(shownDated) - len(shownOthers)
	return l
}

// isDate reports whether a tag names the snapshot of a day.
func isDate(tag string) bool {
	_, err := time.Parse(time.DateOnly, tag)
	return err == nil
}

// resolve looks at the tags, and then at those of the dates that others name, where they are not
// among them.
func (l *tagList) resolve(ctx context.Context, repo *leioci.Repository) error {
	if err := lookAtTags(ctx, repo, l.tags); err != nil {
		return err
	}
	var further []*listedTag
	for _, t := range l.tags {
		if known, exists := l.there[t.held.date]; exists && known == nil {
			l.there[t.held.date] = &listedTag{name: t.held.date}
			further = append(further, l.there[t.held.date])
		}
	}
	if err := lookAtTags(ctx, repo, further); err != nil {
		return err
	}
	for _, t := range slices.Concat(l.tags, further) {
		if t.held.digest != "" && isDate(t.name) {
			l.dates[t.held.digest] = append(l.dates[t.held.digest], t.name)
		}
	}
	return nil
}

// lookAtTags finds out what tags hold, several at a time. The error is that of something other than
// a tag.
func lookAtTags(ctx context.Context, repo *leioci.Repository, tags []*listedTag) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(tagLooks)
	for _, t := range tags {
		g.Go(func() error {
			if err := context.Cause(ctx); err != nil {
				return err // of those that are left, none is asked for
			}
			return t.look(ctx, repo)
		})
	}
	return g.Wait()
}

func (t *listedTag) look(ctx context.Context, repo *leioci.Repository) error {
	d, raw, err := repo.Manifest(ctx, t.name)
	switch {
	case err == nil:
		t.held = summarize(d, raw)
		t.held.image = nil // there may be very many
	case errors.Is(err, leioci.ErrNotFound):
		t.gone = true
	case isAny(err, leioci.ErrVerification, leioci.ErrUnsupportedManifest, leioci.ErrTooLarge):
		t.err = err
	default: // a rate limit, a lack of permission: with the next tag, it would be the same
		return err
	}
	return nil
}

// sameAs returns the dates whose tags hold what t holds, but for its own name.
func (l *tagList) sameAs(t *listedTag) []string {
	var same []string
	for _, date := range l.dates[t.held.digest] {
		if date != t.name {
			same = append(same, date)
		}
	}
	return same
}
