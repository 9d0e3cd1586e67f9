package leioci_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/lowendinsight/lei-go/leioci"
)

// A job that publishes a day's snapshot once, however often it runs.
func ExampleNoOverwrite() {
	ctx := context.Background()
	host, stop := startRegistry()
	defer stop()
	client, err := leioci.New()
	if err != nil {
		log.Fatal(err)
	}
	repo, err := leioci.ParseRepository(host + "/org/lei-cache")
	if err != nil {
		log.Fatal(err)
	}
	for _, vendor := range []string{"a", "a", "b"} {
		img, err := leioci.Package(ctx, "testdata/lei-0.9.1",
			leioci.Annotations(map[string]string{"org.opencontainers.image.vendor": vendor}))
		if err != nil {
			log.Fatal(err)
		}
		_, err = client.PushSnapshot(ctx, repo, []string{"2026-02-08"}, img, leioci.NoOverwrite())
		fmt.Println(vendor, err == nil, errors.Is(err, leioci.ErrTagExists))
	}
	// Output:
	// a true false
	// a true false
	// b false true
}

func ExampleClient_PreviewPush() {
	ctx := context.Background()
	host, stop := startRegistry()
	defer stop()
	client, err := leioci.New()
	if err != nil {
		log.Fatal(err)
	}
	repo, err := leioci.ParseRepository(host + "/org/lei-cache")
	if err != nil {
		log.Fatal(err)
	}
	img, err := leioci.Package(ctx, "testdata/lei-0.9.1")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.PushSnapshot(ctx, repo, []string{"2026-02-08"}, img); err != nil {
		log.Fatal(err)
	}
	preview, err := client.PreviewPush(ctx, repo, []string{"2026-02-08", "latest"}, img)
	if err != nil {
		log.Fatal(err)
	}
	for _, tag := range preview.Tags {
		fmt.Println(tag.Change, tag.Tag)
	}
	for _, blob := range preview.Blobs {
		fmt.Println(blob.Descriptor.MediaType, blob.Sent)
	}
	// Output:
	// leave 2026-02-08
	// make latest
	// application/vnd.lei.cache.config.v1+json false
	// application/vnd.lei.cache.manifest+json false
	// application/vnd.lei.cache.jsonl+gzip false
}
