package leioci

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"
)

// mostKept is how many bytes of manifests are kept from when tags are resolved until they are
// copied. Others are fetched twice.
const mostKept = 16 << 20

// A root is a tag or a digest of the source, resolved, and the tag to make.
type root struct {
	digest v1.Hash
	tag    string  // empty for none
	held   bool    // the tag holds the manifest already
	older  v1.Hash // what the tag holds and may be replaced; zero if that is not known
}

// resolve finds out what to copy. Everything after that goes by digest.
func (p *copying) resolve(ctx context.Context) ([]root, error) {
	if !p.opts.allTags {
		m, err := p.fetch(ctx, p.id)
		if err != nil {
			return nil, err
		}
		p.keep(m)
		return []root{{digest: m.Descriptor.Digest, tag: p.tag}}, nil
	}
	tags, err := p.src.Tags(ctx)
	if err != nil {
		return nil, fail("list tags", p.from, err)
	}
	p.listed = make(map[string]bool, len(tags))
	var roots []root
	for _, tag := range tags {
		p.listed[tag] = true
		if !isAttached(tag) {
			roots = append(roots, root{tag: tag})
		}
	}
	if len(roots) == 0 {
		return nil, fail("copy", p.from, fmt.Errorf("%w: it has no tags", ErrNotFound))
	}
	if err := p.checkRoom(ctx, roots); err != nil {
		return nil, err
	}
	slices.SortFunc(roots, func(a, b root) int {
		return cmp.Or(cmp.Compare(moves(a.tag), moves(b.tag)), cmp.Compare(a.tag, b.tag))
	})
	return roots, p.resolveAll(ctx, roots)
}

// moves sorts the tags that move after those that do not.
func moves(tag string) int {
	if isMoving(tag) {
		return 1
	}
	return 0
}

func (p *copying) resolveAll(ctx context.Context, roots []root) error {
	found := make([]fetched, len(roots))
	for begin := 0; begin < len(roots); begin += p.client.concurrency {
		end := min(len(roots), begin+p.client.concurrency)
		g, ctx := errgroup.WithContext(ctx)
		for i := begin; i < end; i++ {
			g.Go(func() (err error) {
				found[i], err = p.fetch(ctx, roots[i].tag)
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return err
		}
		for i := begin; i < end; i++ {
			roots[i].digest = found[i].Descriptor.Digest
			p.keep(found[i])
			found[i] = nil
		}
	}
	return nil
}

// fetch reads a manifest of the source.
func (p *copying) fetch(ctx context.Context, id string) (fetched, error) {
	m, err := p.src.Manifest(ctx, id)
	if err != nil {
		return nil, fail("pull manifest", p.from.At(id), err)
	}
	return m, nil
}

// keep keeps a manifest until it is copied, if there is room.
func (p *copying) keep(m fetched) {
	if _, known := p.kept[m.Descriptor.Digest]; !known && len(m.Raw) <= p.budget {
		p.kept[m.Descriptor.Digest] = m
		p.budget -= len(m.Raw)
	}
}

// rootManifest returns the manifest of a root.
func (p *copying) rootManifest(ctx context.Context, r root) (fetched, error) {
	if m, ok := p.kept[r.digest]; ok {
		return m, nil
	}
	return p.fetch(ctx, r.digest.String())
}

// trustRoots refuses to copy anything if a verifier does not trust one of the manifests.
func (p *copying) trustRoots(ctx context.Context) error {
	demanded := p.client.demands.and(p.opts.demands).verifiers
	if len(demanded) == 0 {
		return nil
	}
	for _, r := range p.roots {
		m, err := p.rootManifest(ctx, r)
		if err != nil {
			return err
		}
		asked := p.id // r.tag is what the destination calls it
		if p.opts.allTags {
			asked = r.tag
		}
		if _, err := demanded.verifyIn(ctx, p.src, p.from.At(asked), m.Raw); err != nil {
			return fail("verify", p.from.At(r.digest.String()), err)
		}
	}
	return nil
}

// isAttached reports whether a tag is one of those that name what belongs to another manifest: a
// list of referrers, or what cosign makes. It comes with that manifest.
func isAttached(tag string) bool {
	algorithm, rest, _ := strings.Cut(tag, "-")
	hex, suffix, _ := strings.Cut(rest, ".")
	known := suffix == "" || slices.Contains(cosignSuffixes(), "."+suffix)
	const shortest = 64
	return known && (algorithm == "sha256" || algorithm == "sha512") && len(hex) >= shortest && consistsOf(hex, digits+"abcdef")
}

// cosignSuffixes are what cosign appends to the tag for a digest.
func cosignSuffixes() []string { return []string{".sig", ".att", ".sbom"} }
