package leastwork

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"
)

// PullFiles pulls the layers of an artifact into a new directory, which appears when it is complete
// and flushed to disk.
func (c *Client) PullFiles(ctx context.Context, repo, tag, out string) error {
	m, err := c.manifest(ctx, repo, tag)
	if err != nil {
		return err
	}
	temp, err := os.MkdirTemp(filepath.Dir(out), ".leastwork-")
	if err != nil {
		return err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	for _, d := range m.Layers {
		group.Go(func() error { return c.pullFile(groupCtx, repo, d, temp) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if err := syncDir(temp); err != nil {
		return err
	}
	if err := os.Rename(temp, out); err != nil {
		return err
	}
	return syncDir(filepath.Dir(out))
}

func (c *Client) manifest(ctx context.Context, repo, tag string) (*Manifest, error) {
	resp, err := c.do(ctx, http.MethodGet, c.url(repo, "manifests", tag), nil, 0, "", http.StatusOK)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	m := new(Manifest)
	return m, json.Unmarshal(raw, m)
}

func (c *Client) pullFile(ctx context.Context, repo string, d Descriptor, dir string) error {
	f, err := os.Create(filepath.Join(dir, filepath.Base(d.Annotations["org.opencontainers.image.title"])))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := c.pullBlob(ctx, repo, d, f); err != nil {
		return err
	}
	return f.Sync()
}

// pullBlob hashes and writes at once.
func (c *Client) pullBlob(ctx context.Context, repo string, d Descriptor, w io.Writer) error {
	resp, err := c.do(ctx, http.MethodGet, c.url(repo, "blobs", d.Digest), nil, 0, "", http.StatusOK)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	hash := sha256.New()
	if _, err := io.Copy(io.MultiWriter(hash, w), resp.Body); err != nil {
		return err
	}
	if digestOf(hash.Sum(nil)) != d.Digest {
		return fmt.Errorf("blob %s: %w", d.Digest, errDigest)
	}
	return nil
}

// PullBytes reads the manifest and then the blobs, the config included, and keeps none of them.
func (c *Client) PullBytes(ctx context.Context, repo, tag string) error {
	m, err := c.manifest(ctx, repo, tag)
	if err != nil {
		return err
	}
	for _, d := range append(m.Layers, m.Config) {
		if err := c.pullBlob(ctx, repo, d, io.Discard); err != nil {
			return err
		}
	}
	return nil
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
