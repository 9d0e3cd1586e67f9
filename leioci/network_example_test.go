package leioci_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
)

func ExampleClient_Watch() {
	ctx := context.Background()
	host, stop := startRegistry()
	defer stop()
	client, repo := pushExample(ctx, host)
	dir, err := os.MkdirTemp("", "leioci")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	for res, err := range client.Watch(ctx, repo.Tag("latest"), filepath.Join(dir, "lei"), leioci.WatchOptions{Interval: time.Minute}) {
		if err != nil {
			log.Print(err) // the directory is unchanged
			continue
		}
		fmt.Println("now of", res.Date.Format(time.DateOnly))
		break // a service continues until ctx ends
	}
	// Output:
	// now of 2026-02-08
}

func ExampleWithMirrors() {
	ctx := context.Background()
	host, stop := startRegistry()
	defer stop()
	_, mirror := pushExample(ctx, host)

	upstream, err := leioci.ParseRepository("registry.invalid/org/lei-cache")
	if err != nil {
		log.Fatal(err)
	}
	client, err := leioci.New(leioci.WithMirrors(leioci.Mirror{Of: upstream, At: mirror}))
	if err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "leioci")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	res, err := client.PullSnapshot(ctx, upstream.Tag("latest"), dir)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(res.Ref.Context(), res.Source == mirror)
	// Output:
	// registry.invalid/org/lei-cache true
}

func ExampleMaxAge() {
	ctx := context.Background()
	host, stop := startRegistry()
	defer stop()
	client, repo := pushExample(ctx, host)
	dir, err := os.MkdirTemp("", "leioci")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	// The example's snapshot is dated 2026-02-08, so it does not replace the directory's content.
	_, err = client.PullSnapshot(ctx, repo.Tag("latest"), dir, leioci.MaxAge(48*time.Hour))
	fmt.Println(errors.Is(err, leioci.ErrStale))
	// Output:
	// true
}

func ExampleRateLimitError() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "900")
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	defer server.Close()
	client, err := leioci.New()
	if err != nil {
		log.Fatal(err)
	}
	repo, err := leioci.ParseRepository(strings.TrimPrefix(server.URL, "http://") + "/org/lei-cache")
	if err != nil {
		log.Fatal(err)
	}

	_, err = client.PullManifest(context.Background(), repo.Tag("latest"))
	var limited *leioci.RateLimitError
	if errors.As(err, &limited) {
		fmt.Println("come back in", limited.RetryAfter)
	}
	// Output:
	// come back in 15m0s
}

func ExampleNew() {
	client, err := leioci.New(
		leioci.WithToken("ghcr.io", "a-registry-bearer-token"), // sent to ghcr.io only
		leioci.WithRetry(leioci.RetryPolicy{Attempts: 8, MaxRetryAfter: 5 * time.Minute}),
		leioci.WithStallTimeout(time.Minute),
	)
	fmt.Println(client != nil, err)
	// Output:
	// true <nil>
}
