package leioci

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
)

// imageUnder returns an image whose methods, and those of its layers, return when ctx ends. An image
// knows no context: one that package remote reads waits as long as its registry likes. A call that has
// not returned by then is left behind, and content that is open is closed, as net/http does with the
// body of a request.
func imageUnder(ctx context.Context, img v1.Image) v1.Image {
	if _, ours := img.(*packagedImage); ours || ctx.Done() == nil {
		return img
	}
	return &contextImage{img, ctx}
}

type contextImage struct {
	v1.Image
	ctx context.Context
}

func (i *contextImage) RawManifest() ([]byte, error) { return await(i.ctx, i.Image.RawManifest, nil) }

func (i *contextImage) MediaType() (types.MediaType, error) {
	return await(i.ctx, i.Image.MediaType, nil)
}

func (i *contextImage) RawConfigFile() ([]byte, error) {
	return await(i.ctx, i.Image.RawConfigFile, nil)
}

// ConfigLayer is for [partial.ConfigLayer]: with it, an image that has the method itself is not asked
// for its whole config at once.
func (i *contextImage) ConfigLayer() (v1.Layer, error) {
	l, err := await(i.ctx, func() (v1.Layer, error) { return partial.ConfigLayer(i.Image) }, nil)
	return layerUnder(i.ctx, l), err
}

func (i *contextImage) Layers() ([]v1.Layer, error) {
	layers, err := await(i.ctx, i.Image.Layers, nil)
	return layersUnder(i.ctx, layers), err
}

func (i *contextImage) LayerByDigest(digest v1.Hash) (v1.Layer, error) {
	l, err := await(i.ctx, func() (v1.Layer, error) { return i.Image.LayerByDigest(digest) }, nil)
	return layerUnder(i.ctx, l), err
}

// layersUnder is [imageUnder] for layers.
func layersUnder(ctx context.Context, layers []v1.Layer) []v1.Layer {
	under := make([]v1.Layer, len(layers))
	for i, l := range layers {
		under[i] = layerUnder(ctx, l)
	}
	return under
}

// layerUnder is [imageUnder] for a layer, which may be nil.
func layerUnder(ctx context.Context, l v1.Layer) v1.Layer {
	if _, ours := l.(*newBlob); ours || registry.IsNil(l) || ctx.Done() == nil {
		return l
	}
	return &contextLayer{l, ctx}
}

type contextLayer struct {
	v1.Layer
	ctx context.Context
}

func (l *contextLayer) Digest() (v1.Hash, error) { return await(l.ctx, l.Layer.Digest, nil) }

func (l *contextLayer) Size() (int64, error) { return await(l.ctx, l.Layer.Size, nil) }

// Compressed opens the content. A file is left as it is: it does not wait, and the kernel can send it.
func (l *contextLayer) Compressed() (io.ReadCloser, error) {
	rc, err := await(l.ctx, l.Layer.Compressed, func(late io.ReadCloser) { _ = late.Close() })
	if _, file := rc.(*os.File); file || err != nil || registry.IsNil(rc) {
		return rc, err
	}
	c := &contextContent{ctx: l.ctx, content: rc, closed: sync.OnceValue(rc.Close)}
	c.stop = context.AfterFunc(l.ctx, func() { _ = c.closed() }) // the reader gets the cause
	return c, nil
}

// contextContent is content that is closed when ctx ends.
type contextContent struct {
	ctx     context.Context
	content io.Reader
	closed  func() error
	stop    func() bool
}

func (c *contextContent) Read(p []byte) (int, error) {
	n, err := c.content.Read(p)
	if cause := context.Cause(c.ctx); err != nil && err != io.EOF && cause != nil {
		err = cause
	}
	return n, err
}

func (c *contextContent) Close() error {
	c.stop()
	return c.closed()
}

// await returns what a call returns, or the cause of ctx if that ends before. Then drop, if there is
// one, gets what the call returns after all. A panic is an error, because no caller could recover from
// it.
func await[T any](ctx context.Context, call func() (T, error), drop func(T)) (T, error) {
	type result struct {
		value T
		err   error
	}
	results := make(chan result, 1)
	go func() {
		var r result
		defer func() {
			if p := recover(); p != nil {
				r.err = fmt.Errorf("the image panicked: %v", p)
			}
			results <- r
		}()
		r.value, r.err = call()
	}()
	select {
	case r := <-results:
		return r.value, r.err
	case <-ctx.Done():
	}
	if drop != nil {
		go func() {
			if r := <-results; r.err == nil && !registry.IsNil(r.value) {
				drop(r.value)
			}
		}()
	}
	var none T
	return none, context.Cause(ctx)
}
