package leioci

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"golang.org/x/sync/errgroup"

	"github.com/lowendinsight/lei-go/leioci/internal/artifact"
	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/registry"
)

// refuseMoveBack returns ErrOlder if a moving tag points to a newer snapshot than that of date. It
// looks at all of them at once. If there is none, it looks at the first tag, which need not be
// readable, for what is there already.
func (c *Client) refuseMoveBack(ctx context.Context, p *pushPlan, date time.Time, to *registry.Destination, known *known) error {
	if !slices.ContainsFunc(p.tags, isMoving) {
		return c.lookAt(ctx, p, p.tags[0], to, known)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(c.concurrency)
	for _, tag := range p.tags {
		if isMoving(tag) {
			g.Go(func() error {
				current, err := c.dateAt(ctx, p.repo.Tag(tag), to, known)
				if err != nil {
					return fmt.Errorf("check tag %s: %w", tag, adviseLook(err))
				}
				return compareDates(tag, current, date)
			})
		}
	}
	return g.Wait()
}

func isMoving(tag string) bool { return !isDated(tag) }

// compareDates returns ErrOlder if a tag must not be moved from a snapshot of one date to another.
func compareDates(tag string, current, date time.Time) error {
	if current.IsZero() || !date.Before(current) {
		return nil
	}
	if date.IsZero() {
		return fmt.Errorf("%w: %s points to the snapshot of %s, and this one has no date; push it under another tag, "+
			"or allow the move with %w", ErrOlder, tag, current.Format(time.DateOnly), errdef.AllowMoveBack)
	}
	return fmt.Errorf("%w: %s points to the snapshot of %s, this one is of %s; push it under %[4]s only, "+
		"or allow the move with %[5]w", ErrOlder, tag, current.Format(time.DateOnly), date.Format(time.DateOnly), errdef.AllowMoveBack)
}

// dateAt returns the date of the snapshot that a tag points to. It is zero if there is none that
// must not be replaced by an older one. If the tag holds something, but nothing that can be
// compared, that is logged: the push replaces it.
func (c *Client) dateAt(ctx context.Context, tag name.Tag, to *registry.Destination, known *known) (time.Time, error) {
	m, err := to.Look(ctx, tag.TagStr(), known.isSlow)
	if _, absent := errdef.NoteOf[registry.Absent](err); absent {
		return time.Time{}, nil
	}
	if other, ok := errdef.NoteOf[registry.NotImage](err); ok {
		c.log.Warnf("%s holds %s (%s), which is not a snapshot: the push replaces it", tag, other.Digest, quote(string(other.MediaType)))
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	if known.learn(ctx, tag.TagStr(), m) {
		return time.Time{}, nil
	}
	return c.heldDate(ctx, tag, m.Descriptor, m.Manifest, blobOpener(to.Source()))
}

// heldDate returns the date of the snapshot that a tag holds, as dateAt does.
func (c *Client) heldDate(ctx context.Context, tag fmt.Stringer, held v1.Descriptor, m *v1.Manifest, open opener) (time.Time, error) {
	if _, err := artifact.Files(m); err != nil {
		c.log.Warnf("%s holds %s (%s, config %s), which is not a snapshot: the push replaces it",
			tag, held.Digest, quote(string(held.MediaType)), quote(string(m.Config.MediaType)))
		return time.Time{}, nil //nolint:nilerr // the log has it
	}
	date, err := dateOf(ctx, m, open)
	switch {
	case err != nil:
		return time.Time{}, fmt.Errorf("read the date of its snapshot: %w", err)
	case date.IsZero():
		c.log.Warnf("%s holds the snapshot %s without a date: the push replaces it", tag, held.Digest)
	case artifact.IsFuture(date):
		c.log.Warnf("%s holds the snapshot %s of a future date, %s: the push replaces it", tag, held.Digest, date.Format(time.DateOnly))
		date = time.Time{}
	}
	return date, nil
}

// adviseLook says what to do if a tag cannot be looked at. Some registries respond with 401 or 403
// also for what does not exist yet.
func adviseLook(err error) error {
	if registry.InHandshake(err) {
		return err // the push would not come further without this check
	}
	var response *transport.Error
	if errors.As(err, &response) && (response.StatusCode == http.StatusForbidden || response.StatusCode == http.StatusUnauthorized) {
		return fmt.Errorf("%w (for a first push, or with credentials that may only push, skip this check with %w)", err, errdef.AllowMoveBack)
	}
	return fmt.Errorf("%w (to skip this check, use %w)", err, errdef.AllowMoveBack)
}
