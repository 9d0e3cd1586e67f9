package leioci_test

import (
	"context"
	"fmt"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/lowendinsight/lei-go/leioci"
)

// One machine of a site serves the directory that it pulls into, and the others pull from it.
func ExampleNewDirectoryHandler() {
	ctx := context.Background()
	handler, err := leioci.NewDirectoryHandler(ctx, "testdata/lei-0.9.1", leioci.HandlerRepository("org/lei-cache"))
	if err != nil {
		log.Fatal(err)
	}
	defer func() {
		if err := handler.Close(); err != nil {
			log.Print(err)
		}
	}()
	server := httptest.NewServer(handler) // or an http.Server with ReadHeaderTimeout and IdleTimeout
	defer server.Close()

	client, err := leioci.New()
	if err != nil {
		log.Fatal(err)
	}
	ref, err := leioci.ParseReference(strings.TrimPrefix(server.URL, "http://") + "/org/lei-cache:latest")
	if err != nil {
		log.Fatal(err)
	}
	work, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(work)
	res, err := client.PullSnapshot(ctx, ref, filepath.Join(work, "lei"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(res.Digest)
	// Output:
	// sha256:22698cac51675520fc8aa978bce0c53f2399dc5eb7d44d4e93f2285cb51a4ba8
}
