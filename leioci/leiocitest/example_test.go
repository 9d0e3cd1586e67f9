package leiocitest_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// A fault applies to the requests it is injected for, as many times as it says. Here the connection
// breaks once, in the middle of a blob, and the client continues where it stopped.
func ExampleRegistry_On() {
	t := newT() // in a test, its *testing.T
	defer t.stop()
	ctx := context.Background()
	reg := leiocitest.NewRegistry(t)
	client, err := leioci.New(leioci.WithRetry(leioci.RetryPolicy{MinDelay: time.Millisecond}))
	if err != nil {
		log.Fatal(err)
	}
	blob, err := push(ctx, client, reg.Host()+"/org/lei-cache", "a blob that arrives in two pieces")
	if err != nil {
		log.Fatal(err)
	}

	cut := reg.On(http.MethodGet, "/blobs/", 1, leiocitest.Truncate(12))

	body, err := client.PullBlob(ctx, blob)
	if err != nil {
		log.Fatal(err)
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s, though the connection broke %d time\n", data, cut.Hits())
	// Output: a blob that arrives in two pieces, though the connection broke 1 time
}

// push pushes an artifact of one blob and returns the blob's reference.
func push(ctx context.Context, c *leioci.Client, repository, content string) (name.Digest, error) {
	repo, err := leioci.ParseRepository(repository)
	if err != nil {
		return name.Digest{}, err
	}
	layer := static.NewLayer([]byte(content), types.OCIUncompressedLayer)
	digest, err := layer.Digest()
	if err != nil {
		return name.Digest{}, err
	}
	manifest := fmt.Sprintf(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
		"config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":%[1]q,"size":%[2]d},"layers":[]}`, digest, len(content))
	_, err = c.Push(ctx, repo, []string{"latest"}, []byte(manifest), []v1.Layer{layer})
	return repo.Digest(digest.String()), err
}

// exampleT implements as much of testing.TB as an example needs, which has none.
type exampleT struct {
	testing.TB
	cleanups []func()
}

func newT() *exampleT { return &exampleT{} }

func (*exampleT) Helper()            {}
func (t *exampleT) Cleanup(f func()) { t.cleanups = append(t.cleanups, f) }

func (t *exampleT) stop() {
	for _, f := range t.cleanups {
		f()
	}
}
