package inprocess

import (
	"bytes"
	"context"
	"encoding/json"
	"io"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/registry/remote"
)

// orasGo uses a repository directly, without oras-go's graph of content.
func orasGo(host string) Library {
	open := func(repo string) (*remote.Repository, error) {
		r, err := remote.NewRepository(host + "/" + repo)
		if err == nil {
			r.PlainHTTP = true
		}
		return r, err
	}
	return Library{
		Name: ORAS,
		Push: func(ctx context.Context, repo, tag string, c *Contents) error {
			r, err := open(repo)
			if err != nil {
				return err
			}
			group, groupCtx := errgroup.WithContext(ctx)
			for _, b := range c.Blobs {
				group.Go(func() error {
					return r.Blobs().Push(groupCtx, content.NewDescriptorFromBytes(b.MediaType, b.Data), bytes.NewReader(b.Data))
				})
			}
			if err := group.Wait(); err != nil {
				return err
			}
			d := content.NewDescriptorFromBytes(ocispec.MediaTypeImageManifest, c.Manifest)
			return r.Manifests().PushReference(ctx, d, bytes.NewReader(c.Manifest), tag)
		},
		Pull: func(ctx context.Context, repo, tag string) error {
			r, err := open(repo)
			if err != nil {
				return err
			}
			d, rc, err := r.Manifests().FetchReference(ctx, tag)
			if err != nil {
				return err
			}
			raw, err := content.ReadAll(rc, d)
			if err != nil {
				return err
			}
			if err := rc.Close(); err != nil {
				return err
			}
			var m ocispec.Manifest
			if err := json.Unmarshal(raw, &m); err != nil {
				return err
			}
			for _, d := range append(m.Layers, m.Config) {
				if err := fetchBlob(ctx, r, d); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func fetchBlob(ctx context.Context, r *remote.Repository, d ocispec.Descriptor) error {
	rc, err := r.Blobs().Fetch(ctx, d)
	if err != nil {
		return err
	}
	defer rc.Close()
	verified := content.NewVerifyReader(rc, d)
	if _, err := io.Copy(io.Discard, verified); err != nil {
		return err
	}
	return verified.Verify()
}
