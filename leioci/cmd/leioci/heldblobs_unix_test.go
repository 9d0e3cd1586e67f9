//go:build unix

package main

import (
	"net/http"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// slowRegistry serves a snapshot whose blobs stop after some bytes until released is closed.
func slowRegistry(t *testing.T) (ref string, release func()) {
	t.Helper()
	reg := leiocitest.NewRegistry(t)
	ref = reg.Host() + "/org/lei-cache"
	if status, _, stderr := leiociIn(t, t.TempDir(), "", "push", "-q", absolute(t), ref); status != 0 {
		t.Fatal(stderr)
	}
	released := make(chan struct{})
	reg.On(http.MethodGet, "/blobs/", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		registry.ServeHTTP(&heldWriter{w, r, released, 10}, r)
	})
	return ref, func() { close(released) }
}

// heldWriter waits after a few bytes.
type heldWriter struct {
	http.ResponseWriter
	r        *http.Request
	released chan struct{}
	left     int
}

func (h *heldWriter) Write(b []byte) (int, error) {
	n := min(len(b), h.left)
	h.left -= n
	wrote, err := h.ResponseWriter.Write(b[:n])
	if err != nil || n == len(b) {
		return wrote, err
	}
	h.ResponseWriter.(http.Flusher).Flush()
	select {
	case <-h.released:
	case <-h.r.Context().Done():
		return wrote, h.r.Context().Err()
	}
	h.left = 1 << 30
	rest, err := h.ResponseWriter.Write(b[n:])
	return wrote + rest, err
}

// manyBlobs serves an image of 40 layers. The last one stops after some bytes until released is
// closed.
func manyBlobs(t *testing.T) (ref, held string, release func()) {
	t.Helper()
	reg := leiocitest.NewRegistry(t)
	ref = reg.Host() + "/org/app"
	img, err := random.Image(100, 40)
	if err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag(ref)
	if err == nil {
		err = remote.Write(tag, img, remote.WithContext(t.Context()))
	}
	if err != nil {
		t.Fatal(err)
	}
	m, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	held = m.Layers[len(m.Layers)-1].Digest.String()
	released := make(chan struct{})
	reg.On(http.MethodGet, "/blobs/"+held, leiocitest.Always, func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		registry.ServeHTTP(&heldWriter{w, r, released, 10}, r)
	})
	return ref, held, func() { close(released) }
}
