package ocilayout

import (
	"context"
	"fmt"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

// The limits of a list of referrers. Few manifests have more than ten.
const (
	maxListed      = 10_000
	maxListedBytes = 16 << 20
	// maxAddedBytes is how many bytes may be listed of all referrers that are added at once.
	maxAddedBytes = 64 << 20
)

// described returns how many bytes a descriptor takes that others determine.
func described(d v1.Descriptor) int {
	n := len(d.MediaType) + len(d.ArtifactType)
	for key, value := range d.Annotations {
		n += len(key) + len(value)
	}
	return n
}

// Referrers returns the descriptors of the manifests whose subject has a digest, each once, as the
// OCI distribution specification has them: with the type and the annotations of the artifact.
//
// What the manifests themselves say counts: those that index.json lists, as oras writes them, and
// those in an index that it lists, such as the one under the tag that the digest makes, which
// regclient and cosign write. The error is errdef.ErrTooLarge for more than 10,000, or 16 MiB, and
// errdef.ErrVerification if a manifest is damaged that may be one of them.
func (x *Index) Referrers(ctx context.Context, subject v1.Hash, read Read) ([]v1.Descriptor, error) {
	nodes, err := x.reachable(ctx, read)
	if err != nil {
		return nil, err
	}
	var all []v1.Descriptor
	bytes := 0
	for _, n := range nodes {
		if n.damaged != nil && x.mayRefer(ctx, n.Digest, subject, read) {
			return nil, n.damaged
		}
		if n.subject != subject {
			continue
		}
		raw, err := read(ctx, n.Descriptor)
		if err != nil {
			return nil, err
		}
		kind, err := manifest.ParseAny(raw, n.MediaType)
		if err != nil {
			return nil, err
		}
		d := referrer(n.Descriptor, kind)
		if bytes += described(d); bytes > maxListedBytes || len(all) == maxListed {
			return nil, fmt.Errorf("%w: more than %d referrers of %s, or %d bytes of what is listed of them",
				errdef.ErrTooLarge, maxListed, subject, maxListedBytes)
		}
		all = append(all, d)
	}
	return all, nil
}

// mayRefer reports whether a manifest that cannot be read may refer to another one: it has no tag, is
// listed under the other's tag, or is that list.
func (x *Index) mayRefer(ctx context.Context, digest, subject v1.Hash, read Read) bool {
	tag := store.ReferrersTag(subject)
	if slices.ContainsFunc(x.entries, func(e *entry) bool { return e.Digest == digest && (e.tag == "" || e.tag == tag) }) {
		return true
	}
	return slices.ContainsFunc(x.tagged(tag), func(list v1.Descriptor) bool {
		there, err := listedIn(ctx, list, read)
		return err != nil || slices.ContainsFunc(there, func(d v1.Descriptor) bool { return d.Digest == digest })
	})
}

// referrer returns the descriptor with which a manifest is listed as a referrer.
func referrer(d v1.Descriptor, kind *manifest.Kind) v1.Descriptor {
	return v1.Descriptor{
		MediaType: kind.MediaType, Size: d.Size, Digest: d.Digest,
		ArtifactType: kind.ArtifactType, Annotations: kind.Annotations,
	}
}

// ListReferrers makes the index under the tag of each subject list the referrers that [Index.Add]
// added: regctl and cosign look there. The manifests that it returns must be written before this
// index is, which names them. Call it once, after all that is to be added.
//
// What the tag listed before stays listed, even where Add moved the tag.
func (x *Index) ListReferrers(ctx context.Context, read Read) ([]*store.Manifest, error) {
	lists := map[string][]v1.Descriptor{}
	var tags []string // in order, so that the result is the same every time
	list := func(tag string, d ...v1.Descriptor) {
		if !slices.Contains(tags, tag) {
			tags = append(tags, tag)
		}
		lists[tag] = append(lists[tag], d...)
	}
	for _, a := range x.added {
		if a.subject != (v1.Hash{}) {
			list(store.ReferrersTag(a.subject), a.Descriptor)
		}
		for _, tag := range a.tags {
			for _, former := range x.replaced[tag] {
				there, err := listedIn(ctx, former, read)
				if err != nil {
					return nil, err
				}
				list(tag, there...)
			}
		}
	}
	var written []*store.Manifest
	for _, tag := range tags {
		m, err := x.extend(ctx, tag, lists[tag], read)
		if err != nil {
			return nil, fmt.Errorf("list referrers under the tag %s: %w", tag, err)
		}
		if m != nil {
			written = append(written, m)
		}
	}
	return written, nil
}
