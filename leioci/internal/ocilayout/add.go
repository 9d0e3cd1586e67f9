package ocilayout

import (
	"fmt"
	"maps"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

// An added is a manifest that Add added.
type added struct {
	v1.Descriptor         // as a list of referrers has it
	subject       v1.Hash // zero if there is none
	tags          []string
}

// Add adds a manifest and gives it tags. Whatever had one of the tags loses it, and stays, as it
// does in a registry. Without tags, the manifest gets an entry without a name, unless it has one:
// oras finds referrers so. The error is errdef.ErrInvalidReference, for a tag, and then nothing was
// added, or errdef.ErrTooLarge, for referrers of which 64 MiB or more are to be listed in all.
func (x *Index) Add(m *store.Manifest, tags ...string) error {
	for _, tag := range tags {
		if err := checkTag(tag); err != nil {
			return err
		}
	}
	a := &added{Descriptor: m.Descriptor, tags: tags}
	x.added = append(x.added, a)
	x.seen = nil
	kind, err := manifest.ParseAny(m.Raw, m.Descriptor.MediaType)
	switch {
	case err != nil: // nothing is known of it but its descriptor
	case kind.Subject != nil:
		a.Descriptor, a.subject = referrer(m.Descriptor, kind), kind.Subject.Digest
		if x.addedBytes += described(a.Descriptor); x.addedBytes > maxAddedBytes {
			return fmt.Errorf("%w: more than %d bytes of what is listed of referrers", errdef.ErrTooLarge, maxAddedBytes)
		}
	case kind.Index:
		x.dropChildren(kind.Children)
	}
	for _, tag := range tags {
		x.tag(a, tag)
	}
	if len(tags) == 0 && !x.has(m.Descriptor.Digest) {
		x.append(a.Descriptor, nil)
	}
	return nil
}

// dropChildren removes the nameless entries that Add made for the manifests of an index before it
// knew that. An entry that was there before stays, and so does that of a referrer.
func (x *Index) dropChildren(children []v1.Descriptor) {
	own := map[v1.Hash]bool{}
	for _, a := range x.added {
		own[a.Digest] = a.subject == v1.Hash{}
	}
	listed := map[v1.Hash]bool{}
	for _, d := range children {
		listed[d.Digest] = true
	}
	x.entries = slices.DeleteFunc(x.entries, func(e *entry) bool {
		return e.new && e.tag == "" && own[e.Digest] && listed[e.Digest]
	})
}

// tag gives a tag to a manifest, by an entry that it has, if that has no tag yet, or by another.
func (x *Index) tag(a *added, tag string) {
	if found := x.tagged(tag); len(found) == 1 && found[0].Digest == a.Digest {
		return
	}
	x.untag(tag, a.Digest)
	if len(x.tagged(tag)) > 0 {
		return
	}
	for _, e := range x.entries {
		if e.Digest == a.Digest && e.tag == "" {
			annotations := maps.Clone(e.Annotations)
			if annotations == nil {
				annotations = map[string]string{}
			}
			annotations[refName] = tag
			e.annotate(annotations)
			return
		}
	}
	x.append(a.Descriptor, map[string]string{refName: tag})
}

// untag takes a tag from all manifests but one.
func (x *Index) untag(tag string, except v1.Hash) {
	var without []*entry
	for _, e := range x.entries {
		if e.tag != tag || e.Digest == except {
			without = append(without, e)
			continue
		}
		if attached(tag) && e.MediaType.IsIndex() {
			// A list of referrers that nothing names is of no use.
			if x.replaced == nil {
				x.replaced = map[string][]v1.Descriptor{}
			}
			x.replaced[tag] = append(x.replaced[tag], e.Descriptor)
			continue
		}
		if slices.ContainsFunc(x.entries, func(o *entry) bool { return o != e && o.Digest == e.Digest && o.tag != tag }) {
			continue // it has another entry
		}
		annotations := maps.Clone(e.Annotations)
		delete(annotations, refName)
		delete(annotations, containerdName)
		e.annotate(annotations)
		without = append(without, e)
	}
	x.entries = without
}

// has reports whether a manifest has an entry.
func (x *Index) has(digest v1.Hash) bool {
	return slices.ContainsFunc(x.entries, func(e *entry) bool { return e.Digest == digest })
}

// append adds an entry for a manifest, with other annotations than its own.
func (x *Index) append(d v1.Descriptor, annotations map[string]string) {
	e := &entry{Descriptor: d, new: true, members: map[string]any{
		"mediaType": d.MediaType,
		"digest":    d.Digest,
		"size":      d.Size,
	}}
	if d.ArtifactType != "" {
		e.members["artifactType"] = d.ArtifactType
	}
	e.annotate(annotations)
	x.entries = append(x.entries, e)
}

// annotate replaces the annotations of an entry.
func (e *entry) annotate(annotations map[string]string) {
	e.Annotations = annotations
	e.tag = tagOf(annotations)
	e.members = maps.Clone(e.members)
	if len(annotations) == 0 {
		delete(e.members, "annotations")
		return
	}
	e.members["annotations"] = annotations
}
