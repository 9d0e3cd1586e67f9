package ocilayout

import (
	"bytes"
	"context"
	"errors"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

// extend makes the list of referrers under a tag hold what is to be listed, and returns it if it is
// a new one. A tag that names something else than a list is left alone.
func (x *Index) extend(ctx context.Context, tag string, listed []v1.Descriptor, read Read) (*store.Manifest, error) {
	list := NewIndex()
	lists := x.tagged(tag)
	for i, d := range lists {
		raw, err := read(ctx, d)
		if errors.Is(err, errdef.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		former, err := ParseIndex(raw)
		if errors.Is(err, errdef.ErrUnsupportedManifest) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if i == 0 {
			list = former
			continue
		}
		for _, e := range former.entries {
			listed = append(listed, e.Descriptor)
		}
	}
	before := len(list.entries)
	for _, d := range listed {
		if !list.has(d.Digest) {
			list.append(d, d.Annotations)
		}
	}
	if len(list.entries) == before {
		return nil, nil
	}
	raw, err := list.Bytes()
	if err != nil {
		return nil, err
	}
	digest, size, err := v1.SHA256(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	m := &store.Manifest{Raw: raw, Descriptor: v1.Descriptor{MediaType: types.OCIImageIndex, Size: size, Digest: digest}}
	return m, x.Add(m, tag)
}

// listedIn returns what a list of referrers lists, if it is there and is one.
func listedIn(ctx context.Context, d v1.Descriptor, read Read) ([]v1.Descriptor, error) {
	raw, err := read(ctx, d)
	if errors.Is(err, errdef.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	m, err := manifest.ParseIndex(raw)
	if errors.Is(err, errdef.ErrUnsupportedManifest) && !errors.Is(err, errdef.ErrTooLarge) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return m.Manifests, nil
}
