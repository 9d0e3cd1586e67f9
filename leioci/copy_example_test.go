package leioci_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
)

// A snapshot crosses an air gap in a file.
func ExampleClient_Copy() {
	ctx := context.Background()
	host, stop := startRegistry()
	defer stop()
	tmp, err := os.MkdirTemp("", "leioci")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(tmp)
	client, err := leioci.New()
	if err != nil {
		log.Fatal(err)
	}
	src, err := leioci.ParseLocation(host + "/org/lei-cache")
	if err != nil {
		log.Fatal(err)
	}
	img, err := leioci.Package(ctx, "testdata/lei-0.9.1")
	if err != nil {
		log.Fatal(err)
	}
	pushed, err := client.PushTo(ctx, src, []string{"2026-02-08", "latest"}, img)
	if err != nil {
		log.Fatal(err)
	}

	// On this side of the gap.
	file, err := leioci.ParseLocation("oci-archive:" + filepath.Join(tmp, "lei.tar"))
	if err != nil {
		log.Fatal(err)
	}
	copied, err := client.Copy(ctx, src, file)
	if err != nil {
		log.Fatal(err)
	}

	// On the other one.
	res, err := client.PullFrom(ctx, file, filepath.Join(tmp, "lei"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(copied.Tags[0].Tag, copied.BytesCopied, res.Digest == pushed, res.Date.Format(time.DateOnly))
	// Output: latest 73328 true 2026-02-08
}
