package leioci

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// packagedImage is what [Package] and [PackageSnapshot] return.
type packagedImage struct {
	v1.Image
	core *packaged
}

// hashed makes sure that an image has its digests. Its own methods would compute them under the
// context that it was packaged with.
func hashed(ctx context.Context, img v1.Image) error {
	p, ok := img.(*packagedImage)
	if !ok {
		return nil
	}
	_, err := p.core.image.get(ctx)
	return err
}

// packaged is a [partial.CompressedImageCore] of a snapshot's files, which are read for their
// digests when something needs those. The interfaces of package v1 have no contexts, so it keeps
// the one it was made with.
type packaged struct {
	ctx      context.Context
	date     time.Time    // of the snapshot
	manifest *v1.Manifest // without the digests of its layers
	config   []byte
	files    []*packagedFile // the layers
	image    *deferred[*image]
}

// packagedFile is one file of a packaged snapshot.
type packagedFile struct {
	snapshot.File
	open   fileOpener
	digest *deferred[v1.Hash]
}

// newPackaged returns the image that m describes, where s has the content of the layers.
func newPackaged(ctx context.Context, s *snapshot.Snapshot, m *v1.Manifest, config []byte, open fileOpener) *packaged {
	p := &packaged{ctx: ctx, date: s.Metadata().Date, manifest: m, config: config}
	for _, f := range s.Files() {
		digest := func(ctx context.Context) (v1.Hash, error) { return digestFile(ctx, f) }
		p.files = append(p.files, &packagedFile{f, open, newDeferred(digest)})
	}
	p.image = newDeferred(p.hash)
	return p
}

// asImage returns what p is the core of.
func (p *packaged) asImage() (v1.Image, error) {
	img, err := partial.CompressedToImage(p)
	return &packagedImage{img, p}, err
}

// hash returns the image with the digests of its layers.
func (p *packaged) hash(ctx context.Context) (*image, error) {
	m, files := p.manifest.DeepCopy(), map[v1.Hash]*packagedFile{}
	for i, f := range p.files {
		digest, err := f.digest.get(ctx)
		if err != nil {
			return nil, err
		}
		m.Layers[i].Digest, files[digest] = digest, f
	}
	raw, err := json.Marshal(m)
	return &image{ctx: p.ctx, raw: raw, manifest: m, open: func(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
		if f, ok := files[d.Digest]; ok {
			return f.open(f.File)
		}
		return p.openConfig(ctx, d)
	}}, err
}

// openConfig is an [opener] for the config.
func (p *packaged) openConfig(context.Context, v1.Descriptor) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(p.config)), nil
}

// check finds out whether clients would take the manifest, and whether the files are still those of
// the snapshot. The digests that are not known yet are as long as any.
func (p *packaged) check() error {
	m := p.manifest.DeepCopy()
	for i := range m.Layers {
		m.Layers[i].Digest = v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("0", 64)}
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if _, err := manifest.Parse(raw, m.MediaType); err != nil {
		return err
	}
	for _, f := range p.files {
		if err := f.Check(); err != nil {
			return asVerification(err)
		}
	}
	return context.Cause(p.ctx)
}

// MediaType implements [partial.CompressedImageCore].
func (p *packaged) MediaType() (types.MediaType, error) { return p.manifest.MediaType, nil }

// RawConfigFile implements [partial.CompressedImageCore].
func (p *packaged) RawConfigFile() ([]byte, error) { return p.config, nil }

// RawManifest implements [partial.CompressedImageCore].
func (p *packaged) RawManifest() ([]byte, error) {
	i, err := p.image.get(p.ctx)
	if err != nil {
		return nil, err
	}
	return i.RawManifest()
}

// LayerByDigest implements [partial.CompressedImageCore].
func (p *packaged) LayerByDigest(digest v1.Hash) (partial.CompressedLayer, error) {
	i, err := p.image.get(p.ctx)
	if err != nil {
		return nil, err
	}
	return i.LayerByDigest(digest)
}
