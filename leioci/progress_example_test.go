package leioci_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/lowendinsight/lei-go/leioci"
)

func ExampleProgress() {
	ctx := context.Background()
	tmp, err := os.MkdirTemp("", "leioci")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(tmp)
	img, err := leioci.Package(ctx, "testdata/lei-0.9.1")
	if err != nil {
		log.Fatal(err)
	}
	show := leioci.Progress(func(e leioci.Event) {
		if e.Phase.Final() {
			fmt.Printf("%s: %v, %d of %d bytes\n", e.Name, e.Phase, e.Done, e.Total)
		}
	})
	if _, err := leioci.Unpack(ctx, img, filepath.Join(tmp, "lei"), show); err != nil {
		log.Fatal(err)
	}
	// Unordered output:
	// manifest.json: done, 10498 of 10498 bytes
	// cache.jsonl.gz: done, 62724 of 62724 bytes
}
