package leastwork

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"
)

// File is a file to push as a blob.
type File struct{ Name, MediaType string }

// PushFiles pushes files of a directory: the first as the config, the others as layers.
func (c *Client) PushFiles(ctx context.Context, repo, tag, dir string, files []File) error {
	descriptors := make([]Descriptor, len(files))
	group, groupCtx := errgroup.WithContext(ctx)
	for i, file := range files {
		group.Go(func() (err error) {
			descriptors[i], err = c.pushFile(groupCtx, repo, dir, file)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	manifest, err := json.Marshal(Manifest{SchemaVersion: 2, MediaType: manifestType, Config: descriptors[0], Layers: descriptors[1:]})
	if err != nil {
		return err
	}
	return c.putManifest(ctx, repo, tag, bytes.NewReader(manifest), int64(len(manifest)))
}

// pushFile hashes a file, and sends it as an *os.File, which the kernel can do by itself.
func (c *Client) pushFile(ctx context.Context, repo, dir string, file File) (Descriptor, error) {
	f, err := os.Open(filepath.Join(dir, file.Name))
	if err != nil {
		return Descriptor{}, err
	}
	defer f.Close()
	hash := sha256.New()
	size, err := io.Copy(hash, f)
	if err != nil {
		return Descriptor{}, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return Descriptor{}, err
	}
	d := Descriptor{file.MediaType, digestOf(hash.Sum(nil)), size, map[string]string{"org.opencontainers.image.title": file.Name}}
	return d, c.upload(ctx, repo, d.Digest, size, f)
}

// PushBytes pushes blobs and a manifest from memory.
func (c *Client) PushBytes(ctx context.Context, repo, tag string, manifest []byte, blobs [][]byte) error {
	group, groupCtx := errgroup.WithContext(ctx)
	for _, blob := range blobs {
		group.Go(func() error {
			return c.upload(groupCtx, repo, digestOfBytes(blob), int64(len(blob)), bytes.NewReader(blob))
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return c.putManifest(ctx, repo, tag, bytes.NewReader(manifest), int64(len(manifest)))
}
