package leioci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

// checkTags looks at the tags of the destination before anything is sent: at all of them, where that
// saves work or no tag may be overwritten. It returns ErrOlder or ErrTagExists, and notes the tags
// that hold what is to be copied.
func (p *copying) checkTags(ctx context.Context, roots []root) error {
	if p.held == nil || p.opts.allowMoveBack && !p.opts.noOverwrite {
		return nil
	}
	others := make([]string, len(roots))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(p.client.concurrency)
	for i := range roots {
		if roots[i].tag == "" {
			continue
		}
		g.Go(func() error {
			other, err := p.checkTag(ctx, &roots[i])
			if err != nil {
				return fail("copy to", p.to, fmt.Errorf("check tag %s: %w", roots[i].tag, err))
			}
			if other != (v1.Hash{}) {
				others[i] = fmt.Sprintf("%s holds %s", roots[i].tag, other)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	var holds []string
	for _, other := range others {
		if other != "" && len(holds) < mostNamed {
			holds = append(holds, other)
		}
	}
	if p.opts.noOverwrite && len(holds) > 0 {
		return fmt.Errorf("copy to %s: %w: %s; that was not changed", p.to, ErrTagExists, strings.Join(holds, ", "))
	}
	return nil
}

// checkRoom returns ErrTooLarge if a layout or an archive cannot list the tags, with those that it has.
// It may have no room for what comes along with them, either, which is found out when that is there.
func (p *copying) checkRoom(ctx context.Context, roots []root) error {
	if p.to.path == "" {
		return nil
	}
	tags := map[string]bool{}
	if p.held != nil {
		there, err := p.held.Tags(ctx)
		if err != nil {
			return fail("list tags", p.to, err)
		}
		for _, tag := range there {
			tags[tag] = true
		}
	}
	for _, r := range roots {
		if r.tag != "" {
			tags[r.tag] = true
		}
	}
	if len(tags) > manifest.MaxEntries {
		return fail("copy to", p.to, fmt.Errorf("%w: it would have %d tags, limit %d", ErrTooLarge, len(tags), manifest.MaxEntries))
	}
	return nil
}

// checkTagAgain looks at a tag of a registry just before it is made, if none may be overwritten.
func (p *copying) checkTagAgain(ctx context.Context, r root) (root, error) {
	if _, isRegistry := p.to.Repository(); !isRegistry || !p.opts.noOverwrite || r.held {
		return r, nil
	}
	roots := []root{r}
	err := p.checkTags(ctx, roots)
	return roots[0], err
}

// checkFilesAgain looks at the tags of a layout or an archive just before it is changed: another
// process may have changed it since it was opened.
func (p *copying) checkFilesAgain(ctx context.Context, roots []root) error {
	if err := p.openHeld(ctx); err != nil {
		return fail("open", p.to, err)
	}
	return p.checkTags(ctx, roots)
}

// mostNamed is how many tags an error names.
const mostNamed = 10

// checkTag looks at what the tag of a root holds at the destination. It returns the digest of
// another manifest.
func (p *copying) checkTag(ctx context.Context, r *root) (other v1.Hash, err error) {
	m, err := p.held.Manifest(ctx, r.tag)
	switch {
	case isAbsent(err):
		return v1.Hash{}, nil
	case err != nil && !p.opts.noOverwrite && !isMoving(r.tag):
		return v1.Hash{}, nil //nolint:nilerr // a dated tag need not be readable
	case err != nil && errors.Is(err, ErrUnsupportedManifest) && !p.opts.noOverwrite:
		p.client.log.Warnf("%s holds something that is no snapshot, and is replaced: %v", p.to.At(r.tag), explain(err))
		return v1.Hash{}, nil
	case err != nil && p.opts.noOverwrite:
		return v1.Hash{}, adviseOverwriteLook(explain(err))
	case err != nil:
		return v1.Hash{}, adviseLook(err)
	case m.Descriptor.Digest == r.digest:
		r.held = true
		return v1.Hash{}, nil
	case p.opts.noOverwrite || !isMoving(r.tag) || m.Descriptor.Digest == r.older:
		return m.Descriptor.Digest, nil
	}
	err = p.refuseOlder(ctx, r, m)
	if err == nil {
		r.older = m.Descriptor.Digest
	}
	return m.Descriptor.Digest, err
}

// refuseOlder returns ErrOlder if what a tag holds is a newer snapshot than the one to be copied.
func (p *copying) refuseOlder(ctx context.Context, r *root, held *store.Manifest) error {
	tag := p.to.At(r.tag)
	decoded, err := manifest.Parse(held.Raw, held.Descriptor.MediaType)
	if err != nil {
		p.client.log.Warnf("%s holds %s (%s), which is not a snapshot: the copy replaces it",
			tag, held.Descriptor.Digest, quote(string(held.Descriptor.MediaType)))
		return nil //nolint:nilerr // the log has it
	}
	current, err := p.client.heldDate(ctx, tag, held.Descriptor, decoded, openerOf(p.held, p.to))
	if err != nil || current.IsZero() {
		return err
	}
	m, err := p.rootManifest(ctx, *r)
	if err != nil {
		return err
	}
	own, err := manifest.Parse(m.Raw, m.Descriptor.MediaType)
	if err != nil { // nor is that a snapshot
		own = &v1.Manifest{}
	}
	date, err := dateOf(ctx, own, openerOf(p.src, p.from))
	if err != nil {
		return err
	}
	return compareDates(r.tag, current, date)
}

// openerOf returns an [opener] for blobs of a place.
func openerOf(from store.Reader, l Location) opener {
	return func(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) { return openBlob(ctx, from, l, d) }
}
