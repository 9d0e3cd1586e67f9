package leioci_test

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// A waitingImage is one whose registry does not answer at one step. It knows no context.
type waitingImage struct {
	v1.Image
	step    string
	reached func()
	forever <-chan struct{}
}

func (i *waitingImage) wait(step string) {
	if i.step == step {
		i.reached()
		<-i.forever
	}
}

func (i *waitingImage) RawManifest() ([]byte, error) {
	i.wait("manifest")
	return i.Image.RawManifest()
}

func (i *waitingImage) RawConfigFile() ([]byte, error) {
	i.wait("config")
	return i.Image.RawConfigFile()
}

func (i *waitingImage) Layers() ([]v1.Layer, error) {
	i.wait("layers")
	layers, err := i.Image.Layers()
	for n, l := range layers {
		layers[n] = waitingLayer{l, i}
	}
	return layers, err
}

func (i *waitingImage) LayerByDigest(digest v1.Hash) (v1.Layer, error) {
	i.wait("layers")
	l, err := i.Image.LayerByDigest(digest)
	return waitingLayer{l, i}, err
}

type waitingLayer struct {
	v1.Layer
	image *waitingImage
}

func (l waitingLayer) Compressed() (io.ReadCloser, error) {
	l.image.wait("response")
	rc, err := l.Layer.Compressed()
	if l.image.step == "body" {
		return &waitingBody{ReadCloser: rc, image: l.image, closed: make(chan struct{})}, err
	}
	return rc, err
}

// A waitingBody gets no byte. It is as the body of a response: to close it ends a read of it.
type waitingBody struct {
	io.ReadCloser
	image  *waitingImage
	closed chan struct{}
}

func (b *waitingBody) Read([]byte) (int, error) {
	b.image.reached()
	<-b.closed
	return 0, io.ErrClosedPipe
}

func (b *waitingBody) Close() error {
	close(b.closed) // a second time, it panics
	return b.ReadCloser.Close()
}

func TestReadingAnImageThatNeverAnswersEndsWithTheContext(t *testing.T) {
	img, cause := packageSample(t), errors.New("enough")
	repo := repository(t, leiocitest.NewRegistry(t))
	calls := map[string]func(context.Context, v1.Image) error{
		"Unpack": func(ctx context.Context, img v1.Image) error {
			_, err := leioci.Unpack(ctx, img, filepath.Join(t.TempDir(), "lei"))
			return err
		},
		"PushSnapshot": func(ctx context.Context, img v1.Image) error {
			_, err := newClient(t).PushSnapshot(ctx, repo, []string{"latest"}, img)
			return err
		},
		"PushTo": func(ctx context.Context, img v1.Image) error {
			dst, err := leioci.ParseLocation("oci-layout:" + filepath.Join(t.TempDir(), "layout"))
			must(t, err)
			_, err = newClient(t).PushTo(ctx, dst, []string{"latest"}, img)
			return err
		},
		"Push": func(ctx context.Context, img v1.Image) error {
			raw, err := packageSample(t).RawManifest()
			must(t, err)
			layers, err := packageSample(t).Layers()
			must(t, err)
			w := img.(*waitingImage)
			_, err = newClient(t).Push(ctx, repo, []string{"latest"}, raw, []v1.Layer{waitingLayer{layers[0], w}, waitingLayer{layers[1], w}})
			return err
		},
	}
	for name, call := range calls {
		for _, step := range []string{"manifest", "config", "layers", "response", "body"} {
			if name == "Push" && step != "response" && step != "body" || name == "Unpack" && step == "config" {
				continue // it does not get there
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			var once sync.Once
			w := &waitingImage{img, step, func() { once.Do(func() { cancel(cause) }) }, t.Context().Done()}
			if err := call(ctx, w); !errors.Is(err, cause) {
				t.Errorf("%s, %s: got %v", name, step, err)
			}
			cancel(nil)
		}
	}
}

func TestWhatAnImagePanicsWithIsAnError(t *testing.T) {
	w := &waitingImage{packageSample(t), "layers", func() { panic("image") }, nil}
	if _, err := leioci.Unpack(t.Context(), w, filepath.Join(t.TempDir(), "lei")); err == nil {
		t.Error("no error")
	}
}
