package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/lowendinsight/lei-go/leioci"
)

// tour holds what the steps share: the clients of both libraries, which use the same credentials
// and connections.
type tour struct {
	client *leioci.Client
	puller *remote.Puller
	pusher *remote.Pusher
	remote []remote.Option
	crane  []crane.Option
	out    io.Writer
	tmp    string
}

func newTour(keychain authn.Keychain, transport http.RoundTripper) (t *tour, err error) {
	t = &tour{
		remote: []remote.Option{remote.WithAuthFromKeychain(keychain), remote.WithTransport(transport)},
		crane:  []crane.Option{crane.WithAuthFromKeychain(keychain), crane.WithTransport(transport)},
	}
	if t.client, err = leioci.New(leioci.WithKeychain(keychain), leioci.WithTransport(transport)); err != nil {
		return nil, err
	}
	if t.puller, err = remote.NewPuller(t.remote...); err != nil {
		return nil, err
	}
	t.pusher, err = remote.NewPusher(t.remote...)
	return t, err
}

// write pushes a packaged directory with remote.Write, and pulls it with the client.
func (t *tour) write(ctx context.Context, ref name.Reference, img v1.Image) error {
	if err := remote.Write(ref, img, append(t.remote, remote.WithContext(ctx))...); err != nil {
		return err
	}
	res, err := t.client.PullSnapshot(ctx, ref, filepath.Join(t.tmp, "write"))
	if err != nil {
		return err
	}
	fmt.Fprintf(t.out, "remote.Write   %s\n", res.Ref.DigestStr())
	return nil
}

// copy copies a snapshot between registries with crane.Copy. The digest stays the same.
func (t *tour) copy(ctx context.Context, from, to name.Reference) error {
	if err := crane.Copy(from.Name(), to.Name(), append(t.crane, crane.WithContext(ctx))...); err != nil {
		return err
	}
	res, err := t.client.PullSnapshot(ctx, to, filepath.Join(t.tmp, "copy"))
	if err != nil {
		return err
	}
	fmt.Fprintf(t.out, "crane.Copy     %s\n", res.Ref.DigestStr())
	return nil
}

// pullPush unpacks an image fetched by a remote.Puller, and pushes one pulled by the client with a
// remote.Pusher.
func (t *tour) pullPush(ctx context.Context, from, to name.Reference) error {
	fetched, err := t.puller.Get(ctx, from)
	if err != nil {
		return err
	}
	img, err := fetched.Image()
	if err != nil {
		return err
	}
	res, err := leioci.Unpack(ctx, img, filepath.Join(t.tmp, "puller"))
	if err != nil {
		return err
	}
	fmt.Fprintf(t.out, "remote.Puller  %s, %d bytes unpacked\n", res.Digest, res.BytesFetched)

	pulled, err := t.client.Image(ctx, from)
	if err != nil {
		return err
	}
	if err := t.pusher.Push(ctx, to, pulled); err != nil {
		return err
	}
	m, err := t.client.PullManifest(ctx, to)
	if err != nil {
		return err
	}
	fmt.Fprintf(t.out, "remote.Pusher  %s\n", m.Descriptor.Digest)
	return nil
}

// layout copies a snapshot from a registry into an OCI layout, as for an air-gapped site, and
// unpacks it from there.
func (t *tour) layout(ctx context.Context, from name.Reference) error {
	pulled, err := t.client.Image(ctx, from)
	if err != nil {
		return err
	}
	path, err := layout.Write(filepath.Join(t.tmp, "layout"), empty.Index)
	if err != nil {
		return err
	}
	if err := path.AppendImage(pulled); err != nil {
		return err
	}
	digest, err := pulled.Digest()
	if err != nil {
		return err
	}
	img, err := path.Image(digest)
	if err != nil {
		return err
	}
	res, err := leioci.Unpack(ctx, img, filepath.Join(t.tmp, "unpacked"))
	if err != nil {
		return err
	}
	fmt.Fprintf(t.out, "layout         %s\n", res.Digest)
	return nil
}

// archive shows that docker archives, the format of package tarball, hold only container images.
// They are read back by the uncompressed layers listed in a container image's config, and a
// snapshot's config lists none. An OCI layout holds any artifact.
func (t *tour) archive(ctx context.Context, img v1.Image) error {
	file := filepath.Join(t.tmp, "docker.tar")
	if err := tarball.WriteToFile(file, name.MustParseReference("example.org/lei/cache:2026-02-08"), img); err != nil {
		return err
	}
	archived, err := tarball.ImageFromPath(file, nil)
	if err == nil {
		_, err = leioci.Unpack(ctx, archived, filepath.Join(t.tmp, "archive"))
	}
	if err == nil {
		return errors.New("unexpected: a docker archive held a snapshot")
	}
	fmt.Fprintf(t.out, "tarball        use a layout: %v\n", err)
	return nil
}
