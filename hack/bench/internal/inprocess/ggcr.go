package inprocess

import (
	"context"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

func ggcr(host string) Library {
	return Library{
		Name: GGCR,
		Push: func(ctx context.Context, repo, tag string, c *Contents) error {
			ref, err := name.NewTag(host + "/" + repo + ":" + tag)
			if err != nil {
				return err
			}
			core := &image{contents: c, layers: map[v1.Hash]v1.Layer{}}
			for _, b := range c.Blobs[1:] {
				layer := static.NewLayer(b.Data, types.MediaType(b.MediaType))
				digest, err := layer.Digest()
				if err != nil {
					return err
				}
				core.layers[digest] = layer
			}
			img, err := partial.CompressedToImage(core)
			if err != nil {
				return err
			}
			return remote.Write(ref, img, remote.WithContext(ctx))
		},
		Pull: func(ctx context.Context, repo, tag string) error {
			ref, err := name.NewTag(host + "/" + repo + ":" + tag)
			if err != nil {
				return err
			}
			img, err := remote.Image(ref, remote.WithContext(ctx))
			if err != nil {
				return err
			}
			layers, err := img.Layers()
			if err != nil {
				return err
			}
			for _, layer := range layers {
				rc, err := layer.Compressed()
				if err != nil {
					return err
				}
				if err := drain(rc); err != nil {
					return err
				}
			}
			_, err = img.RawConfigFile()
			return err
		},
	}
}

// image implements [partial.CompressedImageCore].
type image struct {
	contents *Contents
	layers   map[v1.Hash]v1.Layer
}

func (i *image) RawConfigFile() ([]byte, error) { return i.contents.Blobs[0].Data, nil }

func (i *image) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }

func (i *image) RawManifest() ([]byte, error) { return i.contents.Manifest, nil }

func (i *image) LayerByDigest(digest v1.Hash) (partial.CompressedLayer, error) {
	layer, ok := i.layers[digest]
	if !ok {
		return nil, fmt.Errorf("no layer %s", digest)
	}
	return layer, nil
}
