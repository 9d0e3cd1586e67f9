// Package artifact makes snapshots of a given size, in each form that a client pushes.
package artifact

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"

	"github.com/lowendinsight/lei-go/leioci"
)

// Artifact is a snapshot on disk.
type Artifact struct {
	// Dir has manifest.json and cache.jsonl.gz, and also config.json, for clients that push files.
	Dir string
	// Layout is an OCI layout with the same content, for clients that push images.
	Layout string
	// Manifest is the image manifest.
	Manifest []byte
}

// New makes an artifact whose two files together have about size bytes, in a new directory in
// parent. Equal sizes give equal artifacts.
func New(ctx context.Context, parent string, size int64) (*Artifact, error) {
	dir, err := os.MkdirTemp(parent, "artifact-")
	if err != nil {
		return nil, err
	}
	a := &Artifact{Dir: filepath.Join(dir, "snapshot"), Layout: filepath.Join(dir, "layout")}
	if err := os.Mkdir(a.Dir, 0o755); err != nil {
		return nil, err
	}
	if err := writeSnapshot(a.Dir, size); err != nil {
		return nil, fmt.Errorf("write a snapshot: %w", err)
	}
	if err := a.writeLayout(ctx); err != nil {
		return nil, fmt.Errorf("write an OCI layout: %w", err)
	}
	return a, nil
}

// writeLayout writes the layout, with links to the snapshot's files as its blobs, and config.json.
func (a *Artifact) writeLayout(ctx context.Context) error {
	img, err := leioci.Package(ctx, a.Dir)
	if err != nil {
		return err
	}
	if a.Manifest, err = img.RawManifest(); err != nil {
		return err
	}
	config, err := img.RawConfigFile()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(a.Dir, "config.json"), config, 0o644); err != nil {
		return err
	}
	m, err := img.Manifest()
	if err != nil {
		return err
	}
	blobs := filepath.Join(a.Layout, "blobs", "sha256")
	if err := os.MkdirAll(blobs, 0o755); err != nil {
		return err
	}
	for i, name := range []string{"manifest.json", "cache.jsonl.gz"} {
		if err := os.Link(filepath.Join(a.Dir, name), filepath.Join(blobs, m.Layers[i].Digest.Hex)); err != nil {
			return err
		}
	}
	path, err := layout.Write(a.Layout, empty.Index)
	if err != nil {
		return err
	}
	return path.AppendImage(img)
}
