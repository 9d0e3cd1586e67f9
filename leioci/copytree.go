package leioci

import (
	"context"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"

	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/registry"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

// The limits of what a manifest may lead to.
const (
	maxCopied = 10_000 // manifests
	maxNested = 8      // indexes in one another
)

// A put says how a manifest is put.
type put struct {
	tagged bool   // a tag of the destination was seen to hold it
	tag    string // to put it under, or empty
	lists  bool   // it is put even if it is there, so that it is listed as a referrer
}

// copyTree copies a manifest after everything that it lists, unless that was done. It may be there
// already; then so is what it lists.
func (p *copying) copyTree(ctx context.Context, m *store.Manifest, how put, depth int) error {
	if first, err := p.begin(m.Descriptor.Digest, depth); !first {
		return err
	}
	kind, err := manifest.ParseAny(m.Raw, m.Descriptor.MediaType)
	if err != nil {
		return fail("copy", p.from.At(m.Descriptor.Digest.String()), err)
	}
	there := p.trusts && (how.tagged || p.isHeld(ctx, m.Descriptor.Digest))
	if !there {
		if err := p.copyBlobs(ctx, kind.Blobs); err != nil {
			return err
		}
	}
	if err := p.copyChildren(ctx, kind.Children, there, depth); err != nil {
		return err
	}
	if there && !how.lists && (how.tag == "" || how.tagged) {
		return nil
	}
	var tags []string
	if how.tag != "" {
		tags = append(tags, how.tag)
	}
	if err := p.dst.PutManifest(ctx, m, tags...); err != nil {
		return fail("put manifest", p.to.At(orDefault(how.tag, m.Descriptor.Digest.String())), err)
	}
	return nil
}

// begin notes a manifest, whose referrers are copied later, and reports whether it is the first
// time.
func (p *copying) begin(digest v1.Hash, depth int) (first bool, err error) {
	switch {
	case p.done[digest]:
		return false, nil
	case len(p.done) == maxCopied:
		err = fmt.Errorf("%w: it leads to more than %d manifests", ErrTooLarge, maxCopied)
	case depth > maxNested:
		err = fmt.Errorf("%w: indexes are nested more than %d deep", ErrTooLarge, maxNested)
	}
	if err != nil {
		return false, fail("copy", p.from, err)
	}
	p.done[digest] = true
	p.pending = append(p.pending, digest)
	return true, nil
}

// isHeld reports whether the destination has a manifest. If that cannot be found out, it is put.
func (p *copying) isHeld(ctx context.Context, digest v1.Hash) bool {
	if p.held == nil {
		return false
	}
	held, err := p.held.Manifest(ctx, digest.String())
	return err == nil && held.Descriptor.Digest == digest
}

// copyChildren copies what an index lists. Where the index itself was there already, its blobs are
// there, too. Registries let a manifest be deleted that an index lists, and what refers to it may be
// new.
func (p *copying) copyChildren(ctx context.Context, children []v1.Descriptor, there bool, depth int) error {
	for _, child := range children {
		switch {
		case isBlob(child.MediaType):
			if !there {
				if err := p.copyBlobs(ctx, []v1.Descriptor{child}); err != nil {
					return err
				}
			}
			continue
		case p.done[child.Digest]:
			continue
		case there && !child.MediaType.IsIndex() && p.isHeld(ctx, child.Digest):
			if _, err := p.begin(child.Digest, depth+1); err != nil {
				return err
			}
			continue
		}
		m, err := p.fetch(ctx, child.Digest.String())
		if err != nil {
			return err
		}
		if err := p.copyTree(ctx, m, put{}, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// isBlob reports whether what an index lists is no manifest, as in the caches of builds.
func isBlob(t types.MediaType) bool {
	return t.IsLayer() || t.IsConfig() || strings.HasPrefix(string(t), "application/vnd.buildkit.cacheconfig.")
}

// copyBlobs copies blobs, several at a time, unless they need not be in a registry.
func (p *copying) copyBlobs(ctx context.Context, blobs []v1.Descriptor) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(p.parallel())
	given := map[v1.Hash]bool{}
	for _, d := range blobs {
		if given[d.Digest] || !d.MediaType.IsDistributable() {
			continue
		}
		given[d.Digest] = true
		g.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx) // of another blob
			}
			if err := p.copyBlob(ctx, d); err != nil {
				to := p.to.At(d.Digest.String())
				if p.from.path != "" && !registry.Asked(err) { // it could not be read, wherever it was to be sent
					return fmt.Errorf("copy blob %s: %w", to, explainLocal(err))
				}
				return fail("copy blob", to, err)
			}
			return nil
		})
	}
	return g.Wait()
}

// parallel is how many blobs are copied at the same time. An archive has one after the other, and
// keeps what has come of the last one for the next copy.
func (p *copying) parallel() int {
	if p.to.scheme == schemeArchive {
		return 1
	}
	return p.client.concurrency
}
