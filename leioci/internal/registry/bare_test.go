package registry_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
)

// fileLayer is a layer whose content is a file, opened anew each time.
type fileLayer struct {
	v1.Layer
	path string
	v1.Descriptor
}

func (l fileLayer) Digest() (v1.Hash, error)             { return l.Descriptor.Digest, nil }
func (l fileLayer) Size() (int64, error)                 { return l.Descriptor.Size, nil }
func (l fileLayer) MediaType() (types.MediaType, error)  { return types.OCILayer, nil }
func (l fileLayer) Compressed() (io.ReadCloser, error)   { return os.Open(l.path) }
func (l fileLayer) Uncompressed() (io.ReadCloser, error) { return os.Open(l.path) }

// The kernel sends a file by itself only if net/http sees an *os.File. Whatever the chain of
// transports puts around it switches that off, and no other test would notice.
func TestAFileReachesTheNetworkAsItIs(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("elsewhere the progress of a file is not to be seen (package stall)")
	}
	w := newWorld(t)
	_, repo := w.serve("localhost:5000")
	l := fileLayer{path: filepath.Join(t.TempDir(), "content"), Descriptor: descriptor(t, "content")}
	must(t, os.WriteFile(l.path, []byte("content"), 0o600))
	sent := 0
	c := w.client(func(c *registry.Config) {
		below := c.Transport
		c.Transport = roundTripper(func(req *http.Request) (*http.Response, error) {
			if req.ContentLength == l.Descriptor.Size {
				sent++
				if _, ok := req.Body.(*os.File); !ok {
					t.Errorf("%s sends a %T", req.Method, req.Body)
				}
			}
			return below.RoundTrip(req)
		})
	})
	_, err := c.Destination(repo).Upload(t.Context(), l, l.Descriptor.Digest)
	must(t, err)
	if sent != 1 {
		t.Errorf("the file was sent %d times", sent)
	}
}

// roundTripper is a function that sends requests.
type roundTripper func(*http.Request) (*http.Response, error)

func (rt roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return rt(req) }
