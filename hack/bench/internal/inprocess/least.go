package inprocess

import (
	"context"
	"net/http"

	"github.com/lowendinsight/lei-go/hack/bench/internal/leastwork"
)

func leastWork(host string) Library {
	client := &leastwork.Client{HTTP: &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}, Host: host}
	return Library{
		Name: LeastWork,
		Push: func(ctx context.Context, repo, tag string, c *Contents) error {
			blobs := make([][]byte, len(c.Blobs))
			for i, b := range c.Blobs {
				blobs[i] = b.Data
			}
			return client.PushBytes(ctx, repo, tag, c.Manifest, blobs)
		},
		Pull: client.PullBytes,
	}
}
