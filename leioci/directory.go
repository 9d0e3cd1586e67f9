package leioci

import (
	"bytes"
	"context"
	"io"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/staging"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// ociManifestFile keeps the artifact's manifest, byte for byte, beside the snapshot it came with:
// a later pull can tell from it what the directory holds.
const ociManifestFile = "oci-manifest.json"

// snapshotKind is what a directory may hold and still be replaced. The original writes a config.json too.
func snapshotKind() staging.Kind {
	return staging.Kind{
		Required: []string{snapshot.ManifestFile, snapshot.CacheFile},
		Optional: []string{ociManifestFile, "config.json"},
	}
}

// upToDate returns a result if dir holds the snapshot already, every file with the right size and digest, and nil
// if it does not, or if that cannot be told: then it is fetched.
func (p *pulling) upToDate(ctx context.Context, dir string, files []snapshotFile) *PullResult {
	raw, err := openRegular(filepath.Join(dir, ociManifestFile))
	if err != nil {
		return nil
	}
	defer raw.Close()
	if held, err := io.ReadAll(io.LimitReader(raw, maxManifestBytes)); err != nil || !bytes.Equal(held, p.raw) {
		return nil
	}
	for _, f := range files {
		if err := verifyFile(ctx, filepath.Join(dir, f.name), f.descriptor); err != nil {
			return nil
		}
	}
	meta := metadataOf(dir)
	return &PullResult{Date: meta.Date, Created: meta.Created, UpToDate: true}
}

// verifyFile reads a file and compares it with its descriptor.
func verifyFile(ctx context.Context, path string, d v1.Descriptor) error {
	f, err := openRegular(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return verifyAll(contextReader{ctx, f}, d.Digest, d.Size)
}
