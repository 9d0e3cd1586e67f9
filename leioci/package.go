package leioci

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/internal/artifact"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// timeLayout is the format of times in a snapshot: RFC 3339, UTC, with microseconds.
const timeLayout = "2006-01-02T15:04:05.000000Z07:00"

// A PackageOption changes the metadata that [Package] writes.
type PackageOption func(*packaging) error

type packaging struct {
	created     time.Time
	leiVersion  string
	annotations map[string]string
}

// Created sets the artifact's creation time. The default is the snapshot's own, so that the same
// directory always gives the same digest.
func Created(t time.Time) PackageOption {
	return func(p *packaging) error {
		if t.IsZero() {
			return errors.New("created: zero time")
		}
		p.created = t
		return nil
	}
}

// LEIVersion sets the LowEndInsight version in the config. The default is the snapshot's own.
func LEIVersion(v string) PackageOption {
	return func(p *packaging) error {
		p.leiVersion = v
		return nil
	}
}

// Annotations adds annotations to the manifest, such as org.opencontainers.image.vendor. They
// replace annotations of the same name that [Package] writes by default.
func Annotations(a map[string]string) PackageOption {
	return func(p *packaging) error {
		maps.Copy(p.annotations, a)
		return nil
	}
}

// Package makes an LEI artifact from the snapshot in dir: an image for [Client.PushSnapshot], for
// package remote and for OCI layouts. It reads manifest.json and cache.jsonl.gz and ignores other
// files. The layers stay in their files. Package reads these once to compute digests, and a push
// reads them again; if a file has changed or was replaced in between, the push fails.
//
// Times and versions come from the snapshot, so that the same directory always gives the same
// digest. The annotations are those of the [OCI image specification]: created, version (the
// snapshot's date), title and description. Each layer has its file's name as title.
//
// A directory without the two files, or whose manifest.json is not LEI metadata, is
// [ErrNotSnapshot]. Package does not check whether the reports match manifest.json;
// [snapshot.Snapshot.Verify] does.
//
// [OCI image specification]: https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md
func Package(ctx context.Context, dir string, opts ...PackageOption) (v1.Image, error) {
	img, err := packageDir(ctx, dir, opts)
	if err != nil {
		return nil, fmt.Errorf("package %s: %w", dir, err)
	}
	return img, nil
}

func packageDir(ctx context.Context, dir string, opts []PackageOption) (v1.Image, error) {
	dir, err := filepath.Abs(dir) // the image must survive a change of the working directory
	if err != nil {
		return nil, err
	}
	meta, err := readMetadata(filepath.Join(dir, snapshot.ManifestFile))
	if err != nil {
		return nil, err
	}
	p := packaging{created: meta.Created, leiVersion: meta.LEIVersion, annotations: map[string]string{}}
	for _, opt := range opts {
		if err := opt(&p); err != nil {
			return nil, err
		}
	}
	config, err := p.config(meta)
	if err != nil {
		return nil, err
	}
	m := p.manifest(meta)
	if m.Config, err = describe(ctx, bytes.NewReader(config), MediaTypeConfig); err != nil {
		return nil, err
	}
	files := map[v1.Hash]packagedFile{}
	for _, lf := range artifact.LayerFiles() {
		f, d, err := packageFile(ctx, filepath.Join(dir, lf.Name), lf.MediaType)
		if err != nil {
			return nil, err
		}
		d.Annotations = map[string]string{artifact.AnnotationTitle: lf.Name}
		m.Layers = append(m.Layers, d)
		files[d.Digest] = f
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	return newImage(ctx, raw, m, func(_ context.Context, d v1.Descriptor) (io.ReadCloser, error) {
		if f, ok := files[d.Digest]; ok {
			return f.open()
		}
		return io.NopCloser(bytes.NewReader(config)), nil
	})
}

// config returns the artifact's config. Its fields are in the order that the original client uses.
func (p *packaging) config(meta snapshot.Metadata) ([]byte, error) {
	return json.Marshal(struct {
		LEIVersion    string `json:"lei_version"`
		FormatVersion string `json:"format_version"`
		Created       string `json:"created"`
		CacheEntries  int64  `json:"cache_entries"`
	}{p.leiVersion, formatVersion, p.created.UTC().Format(timeLayout), meta.EntryCount})
}

// formatVersion is the version of the config's format, and of the snapshots that this package
// supports.
const formatVersion = "1.0"

// manifest returns the artifact's manifest without its descriptors.
func (p *packaging) manifest(meta snapshot.Metadata) *v1.Manifest {
	annotations := map[string]string{
		artifact.AnnotationCreated:     p.created.UTC().Format(timeLayout),
		artifact.AnnotationVersion:     meta.Date.Format(time.DateOnly),
		artifact.AnnotationTitle:       "lei-cache",
		artifact.AnnotationDescription: "LEI analysis cache snapshot",
	}
	maps.Copy(annotations, p.annotations)
	return &v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Annotations: annotations}
}
