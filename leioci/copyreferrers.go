package leioci

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

// copyAttached copies what refers to the manifests that were copied, and what refers to that. What
// was copied before is not looked at again, so that a circle ends.
func (p *copying) copyAttached(ctx context.Context) error {
	for len(p.pending) > 0 {
		subject := p.pending[0]
		p.pending = p.pending[1:]
		if err := p.copyReferrers(ctx, subject); err != nil {
			return err
		}
		for _, suffix := range cosignSuffixes() {
			if err := p.copyCosigned(ctx, store.ReferrersTag(subject)+suffix); err != nil {
				return err
			}
		}
	}
	return nil
}

// copyReferrers copies what the source lists as referring to a manifest.
func (p *copying) copyReferrers(ctx context.Context, subject v1.Hash) error {
	list, err := p.src.Referrers(ctx, subject)
	if err != nil {
		return fail("list referrers", p.from.At(subject.String()), err)
	}
	if len(list) == 0 {
		return nil
	}
	there, err := p.heldReferrers(ctx, subject)
	if err != nil {
		return err
	}
	for _, d := range list {
		if p.done[d.Digest] && (there[d.Digest] || !p.trusts) {
			continue
		}
		if !p.done[d.Digest] && there[d.Digest] && p.isHeld(ctx, d.Digest) { // a list may name what was deleted
			if _, err := p.begin(d.Digest, 0); err != nil {
				return err
			}
			p.result.Referrers++
			continue
		}
		if err := p.copyReferrer(ctx, subject, d.Digest); err != nil {
			return err
		}
	}
	return nil
}

// heldReferrers returns what the destination lists. Where that lists nothing, everything is put.
func (p *copying) heldReferrers(ctx context.Context, subject v1.Hash) (map[v1.Hash]bool, error) {
	there := map[v1.Hash]bool{}
	if !p.trusts {
		return there, nil
	}
	list, err := p.held.Referrers(ctx, subject)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		p.client.log.Debugf("the referrers of %s are put again: %v", p.to.At(subject.String()), explain(err))
		return there, nil
	}
	for _, d := range list {
		there[d.Digest] = true
	}
	return there, nil
}

// copyReferrer copies one of the manifests in a list, which is only the place's word.
func (p *copying) copyReferrer(ctx context.Context, subject, digest v1.Hash) error {
	m, err := p.src.Manifest(ctx, digest.String())
	if isAbsent(err) || errors.Is(err, ErrUnsupportedManifest) {
		p.leaveOut(subject, digest, err)
		return nil
	}
	if err != nil {
		return fail("pull manifest", p.from.At(digest.String()), err)
	}
	kind, err := manifest.ParseAny(m.Raw, m.Descriptor.MediaType)
	if err == nil && (kind.Subject == nil || kind.Subject.Digest != subject) {
		err = errors.New("it refers to something else, or to nothing")
	}
	if err != nil {
		p.leaveOut(subject, digest, err)
		return nil
	}
	if p.done[digest] { // by a tag of its own: it was there, and nothing was put that lists it
		if err := p.dst.PutManifest(ctx, m); err != nil {
			return fail("put manifest", p.to.At(digest.String()), err)
		}
		return nil
	}
	if err := p.copyTree(ctx, m, put{lists: true}, 0); err != nil {
		return err
	}
	p.result.Referrers++
	return nil
}

func (p *copying) leaveOut(subject, digest v1.Hash, why error) {
	p.client.log.Warnf("%s, listed as a referrer of %s, is not copied: %v", p.from.At(digest.String()), subject, explain(why))
}

// copyCosigned copies what cosign has put under a tag that it makes of a digest, if there is any.
// The tag follows that of the source, as it gets more signatures there.
func (p *copying) copyCosigned(ctx context.Context, tag string) error {
	if p.listed != nil && !p.listed[tag] {
		return nil
	}
	m, err := p.src.Manifest(ctx, tag)
	switch {
	case isAbsent(err):
		return nil
	case hidesTags(err):
		p.client.log.Warnf("whether there is %s is not known: %v", p.from.At(tag), explain(err))
		return nil
	case err != nil:
		return fail("pull manifest", p.from.At(tag), err)
	}
	how := put{tag: tag}
	if p.held != nil {
		held, err := p.held.Manifest(ctx, tag)
		if err != nil && !isAbsent(err) && p.opts.noOverwrite {
			return fail("check tag", p.to.At(tag), adviseOverwriteLook(explain(err)))
		}
		how.tagged = err == nil && held.Descriptor.Digest == m.Descriptor.Digest
		if err == nil && !how.tagged && p.opts.noOverwrite {
			p.client.log.Warnf("%s holds %s, and is not overwritten with %s",
				p.to.At(tag), held.Descriptor.Digest, m.Descriptor.Digest)
			return nil
		}
		if err == nil && !how.tagged && hasMore(held, m) {
			p.client.log.Warnf("%s holds %s, which has what %s has not, and is replaced by %s",
				p.to.At(tag), held.Descriptor.Digest, p.from.At(tag), m.Descriptor.Digest)
		}
	}
	if p.opts.noOverwrite {
		p.attached = append(p.attached, root{digest: m.Descriptor.Digest, tag: tag})
	}
	if p.done[m.Descriptor.Digest] { // under another tag
		if how.tagged {
			return nil
		}
		if err := p.dst.PutManifest(ctx, m, tag); err != nil {
			return fail("put manifest", p.to.At(tag), err)
		}
		return nil
	}
	if err := p.copyTree(ctx, m, how, 0); err != nil {
		return err
	}
	p.result.Referrers++
	return nil
}

// hasMore reports whether a manifest has a layer that another does not have. Signatures by two keys
// may be layers of one digest, which differ in their annotations.
func hasMore(held, other fetched) bool {
	had, err := manifest.Parse(held.Raw, held.Descriptor.MediaType)
	if err != nil {
		return false
	}
	has, err := manifest.Parse(other.Raw, other.Descriptor.MediaType)
	return err != nil || slices.ContainsFunc(had.Layers, func(a v1.Descriptor) bool {
		return !slices.ContainsFunc(has.Layers, func(b v1.Descriptor) bool {
			return a.Digest == b.Digest && maps.Equal(a.Annotations, b.Annotations)
		})
	})
}

// hidesTags reports whether err is a response that some registries have in place of 404, for what
// does not exist.
func hidesTags(err error) bool {
	var response *transport.Error
	return errors.As(err, &response) && slices.Contains([]int{
		http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusBadRequest,
	}, response.StatusCode)
}
