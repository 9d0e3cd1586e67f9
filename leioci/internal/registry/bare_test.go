package registry_test

import (
	"net/http"
	"os"
	"runtime"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
)

// The kernel sends a file by itself only if net/http sees an *os.File. Whatever the chain of
// transports puts around it switches that off, and no other test would notice.
func TestAFileReachesTheNetworkAsItIs(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("elsewhere the progress of a file is not to be seen (package stall)")
	}
	w := newWorld(t)
	_, repo := w.serve("localhost:5000")
	l := newFileLayer(t, "content")
	sent := 0
	c := w.client(func(c *registry.Config) {
		below := c.Transport
		c.Transport = roundTripper(func(req *http.Request) (*http.Response, error) {
			if req.ContentLength == int64(len("content")) {
				sent++
				if _, ok := req.Body.(*os.File); !ok {
					t.Errorf("%s sends a %T", req.Method, req.Body)
				}
			}
			return below.RoundTrip(req)
		})
	})
	_, err := c.Destination(repo).Upload(t.Context(), l, l.digest(t))
	must(t, err)
	if sent != 1 {
		t.Errorf("the file was sent %d times", sent)
	}
}

// roundTripper is a function that sends requests.
type roundTripper func(*http.Request) (*http.Response, error)

func (rt roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return rt(req) }
