package inprocess

import (
	"context"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci"
)

// newClient makes a client for each push and each pull.
func newClient(host string) Library {
	with := func(do func(*leioci.Client) error) error {
		client, err := leioci.New()
		if err != nil {
			return err
		}
		defer client.CloseIdleConnections()
		return do(client)
	}
	return Library{
		Name: NewClient,
		Push: func(ctx context.Context, repo, tag string, c *Contents) error {
			return with(func(client *leioci.Client) error { return push(ctx, client, host+"/"+repo, tag, c) })
		},
		Pull: func(ctx context.Context, repo, tag string) error {
			return with(func(client *leioci.Client) error { return pull(ctx, client, host+"/"+repo+":"+tag) })
		},
	}
}

func keptClient(host string) (Library, error) {
	client, err := leioci.New()
	if err != nil {
		return Library{}, err
	}
	return Library{
		Name: KeptClient,
		Push: func(ctx context.Context, repo, tag string, c *Contents) error {
			return push(ctx, client, host+"/"+repo, tag, c)
		},
		Pull: func(ctx context.Context, repo, tag string) error { return pull(ctx, client, host+"/"+repo+":"+tag) },
	}, nil
}

func push(ctx context.Context, client *leioci.Client, repository, tag string, c *Contents) error {
	repo, err := leioci.ParseRepository(repository)
	if err != nil {
		return err
	}
	blobs := make([]v1.Layer, len(c.Blobs))
	for i, b := range c.Blobs {
		if blobs[i], err = leioci.NewBlob(b.Digest, b.Data); err != nil {
			return err
		}
	}
	_, err = client.Push(ctx, repo, []string{tag}, c.Manifest, blobs)
	return err
}

func pull(ctx context.Context, client *leioci.Client, reference string) error {
	ref, err := leioci.ParseReference(reference)
	if err != nil {
		return err
	}
	m, err := client.PullManifest(ctx, ref)
	if err != nil {
		return err
	}
	for _, d := range append(m.Manifest.Layers, m.Manifest.Config) {
		rc, err := client.PullBlob(ctx, ref.Context().Digest(d.Digest.String()))
		if err != nil {
			return err
		}
		if err := drain(rc); err != nil {
			return err
		}
	}
	return nil
}
