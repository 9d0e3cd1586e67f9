package ocilayout

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

// A Read returns the content of a blob, verified. The blob is a manifest, and no larger than
// [manifest.MaxBytes].
type Read func(ctx context.Context, d v1.Descriptor) ([]byte, error)

// Manifest returns the manifest that id, a tag or a digest, names. A digest may also name one that
// is in an index that is in this one, and so on.
func (x *Index) Manifest(ctx context.Context, id string, read Read) (*store.Manifest, error) {
	d, err := x.find(ctx, id, read)
	if err != nil {
		return nil, err
	}
	if d.Size > manifest.MaxBytes {
		return nil, fmt.Errorf("%w: manifest %s of %d bytes, limit %d", errdef.ErrTooLarge, d.Digest, d.Size, manifest.MaxBytes)
	}
	raw, err := read(ctx, d)
	if err != nil {
		return nil, err
	}
	m := &store.Manifest{Raw: raw, Descriptor: v1.Descriptor{MediaType: d.MediaType, Size: int64(len(raw)), Digest: d.Digest}}
	if m.Descriptor.MediaType, err = manifest.MediaType(raw, d.MediaType); err != nil {
		return nil, err
	}
	return m, nil
}

func (x *Index) find(ctx context.Context, id string, read Read) (v1.Descriptor, error) {
	if strings.Contains(id, ":") {
		digest, err := v1.NewHash(id)
		if err != nil {
			return v1.Descriptor{}, fmt.Errorf("%w: %.200q: %w", errdef.ErrInvalidReference, id, err)
		}
		return x.findDigest(ctx, digest, read)
	}
	if err := checkTag(id); err != nil {
		return v1.Descriptor{}, err
	}
	switch found := x.tagged(id); len(found) {
	case 1:
		return found[0], nil
	case 0:
		return v1.Descriptor{}, fmt.Errorf("%w: no tag %s; %s", errdef.ErrNotFound, id, x.listed())
	default:
		return v1.Descriptor{}, fmt.Errorf("%w: index.json gives the tag %s to both %s and %s; name one by its digest",
			errdef.ErrUnsupportedManifest, id, found[0].Digest, found[1].Digest)
	}
}

func (x *Index) findDigest(ctx context.Context, digest v1.Hash, read Read) (v1.Descriptor, error) {
	for _, e := range x.entries {
		if e.Digest == digest {
			return e.Descriptor, nil
		}
	}
	nodes, err := x.reachable(ctx, read)
	if err != nil {
		return v1.Descriptor{}, err
	}
	var damaged error
	for _, n := range nodes {
		if n.Digest == digest {
			return n.Descriptor, nil
		}
		if n.damaged != nil && !n.MediaType.IsImage() { // it may list the one that is asked for
			damaged = n.damaged
		}
	}
	if damaged != nil {
		return v1.Descriptor{}, damaged
	}
	return v1.Descriptor{}, fmt.Errorf("%w: no manifest %s in index.json, or in an index that it lists", errdef.ErrNotFound, digest)
}

// listed says which tags there are, for a message.
func (x *Index) listed() string {
	const most = 10
	tags := x.Tags()
	switch {
	case len(tags) == 0:
		return "there are no tags, and index.json has the digests"
	case len(tags) > most:
		return fmt.Sprintf("the tags are %s and %d others", strings.Join(tags[:most], ", "), len(tags)-most)
	default:
		return "the tags are " + strings.Join(tags, ", ")
	}
}

// Default returns the tag, or else the digest, of the artifact that is meant when none is named:
// latest, or the only one that is there. What refers to another artifact does not count, nor do the
// manifests of an index, nor what has no tag where others have one.
func (x *Index) Default(ctx context.Context, read Read) (id string, err error) {
	if len(x.tagged("latest")) > 0 {
		return "latest", nil
	}
	nodes, err := x.reachable(ctx, read)
	if err != nil {
		return "", err
	}
	belongs := map[v1.Hash]bool{}
	var damaged error
	for _, n := range nodes {
		damaged = cmp.Or(damaged, n.damaged)
		if n.subject != (v1.Hash{}) || n.nested {
			belongs[n.Digest] = true
		}
	}
	var tagged, others []*entry
	for _, e := range x.entries {
		switch {
		case attached(e.tag), e.tag == "" && belongs[e.Digest]:
		case e.tag == "":
			others = append(others, e)
		default:
			tagged = append(tagged, e)
		}
	}
	if len(tagged) == 0 && damaged != nil { // what belongs to it is not known
		return "", damaged
	}
	for _, artifacts := range [][]*entry{tagged, others} {
		if len(artifacts) == 0 {
			continue
		}
		first := artifacts[0]
		if slices.ContainsFunc(artifacts, func(e *entry) bool { return e.Digest != first.Digest }) {
			return "", fmt.Errorf("%w: no tag latest, and several artifacts; name one by its tag or digest: %s",
				errdef.ErrNotFound, x.listed())
		}
		if first.tag != "" {
			return first.tag, nil
		}
		return first.Digest.String(), nil
	}
	return "", fmt.Errorf("%w: there is no artifact", errdef.ErrNotFound)
}
