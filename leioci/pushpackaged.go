package leioci

import (
	"context"
	"fmt"
	"io"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
)

// newPackagedPlan is newPushPlan for an image of this package, whose files need not be read for
// that: only whether they can be is checked.
func newPackagedPlan(ctx context.Context, repo name.Repository, tags []string, img *packaged) (*pushPlan, error) {
	if err := checkTags(tags); err != nil {
		return nil, err
	}
	p := &pushPlan{repo: repo, tags: tags}
	for _, f := range img.files {
		if err := f.tryOpening(); err != nil {
			return nil, err
		}
		open := func(context.Context, v1.Descriptor) (io.ReadCloser, error) { return f.open(f.File) }
		b, err := newPackagedBlob(f.Name(), f.Info().Size(), open, f.digest)
		if err != nil {
			return nil, err
		}
		p.blobs = append(p.blobs, b)
	}
	config := img.manifest.Config
	b, err := newPackagedBlob(configName, config.Size, img.openConfig, notDeferred(config.Digest))
	if err != nil {
		return nil, err
	}
	p.blobs = largestFirst(append(p.blobs, b))
	p.manifest = newDeferred(func(ctx context.Context) (*manifestToPush, error) {
		i, err := img.image.get(ctx)
		if err != nil {
			return nil, err
		}
		return newManifestToPush(repo, i.raw)
	})
	if _, known := img.image.known(); known {
		_, err = p.manifest.get(ctx)
	}
	return p, err
}

// configName is what the config is called, which is no file.
const configName = "config"

func newPackagedBlob(name string, size int64, open opener, digest *deferred[v1.Hash]) (blobToPush, error) {
	content, err := partial.CompressedToLayer(&layer{&image{open: open}, v1.Descriptor{Size: size}})
	return blobToPush{Layer: content, name: name, size: size, digest: digest}, err
}

// tryOpening finds out whether the file is still the one that was packaged.
func (f *packagedFile) tryOpening() error {
	rc, err := f.open(f.File)
	if err != nil {
		return err
	}
	return rc.Close()
}

// fileIn is a file on its way to a repository.
type fileIn struct {
	name string
	repo name.Repository
}

func (f fileIn) String() string { return fmt.Sprintf("%s to %s", f.name, f.repo) }
